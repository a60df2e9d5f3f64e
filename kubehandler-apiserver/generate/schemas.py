#!/usr/bin/env python3
"""Writes src/schema/builtin/table.z: the types of every built-in kind.

    kubehandler-apiserver/generate/schemas.py [--check]

Fields, their types and how they are merged come from the OpenAPI documents of Kubernetes. What Go calls the
types, which structs are embedded in which, and which empty fields are left out is read from the Go sources.
Both must be in Go's module cache (tests/cluster/build puts them there). With --check nothing is written,
and a difference is an error.

The file is compressed text. A line that begins with no space is a definition: its name, what it is, and then
`atomic` or the kinds that it is the type of, as group/version/kind. Those below it are its fields: the name,
the type (`[]` is a list, `{}` a map, `@` a definition), and then what there is to say of it:

    required         it must be there
    omitempty        it is left out when it is empty
    list=            atomic, set, or map: and the keys
    map=             atomic, or granular
    patch=, key=     the strategy of a strategic merge, and the key of its lists
    default=         JSON
    go=              what Go calls the type, if it is not what one would expect
    in=              the field of the embedded struct that it is in
"""

import json
import pathlib
import re
import subprocess
import sys
import zlib

HERE = pathlib.Path(__file__).resolve().parent
OUTPUT = HERE.parent / "src/schema/builtin/table.z"
KINDS = HERE.parent / "src/kinds/builtin.rs"
MODULE = HERE.parent.parent / "tests/cluster"
MODULES = ["k8s.io/kubernetes", "k8s.io/api", "k8s.io/apimachinery", "k8s.io/apiextensions-apiserver",
           "k8s.io/kube-aggregator"]
REFERENCE = "#/components/schemas/"
PLAIN = {
    ("string", None): "string", ("string", "byte"): "bytes", ("boolean", None): "bool",
    ("integer", "int32"): "int32", ("integer", "int64"): "int64", ("number", "double"): "double",
}
GO = {"bytes": "[]uint8", "double": "float64"}


class Sources:
    """The Go structs, by the names that OpenAPI has for them."""

    def __init__(self, directories):
        self.directories = directories
        self.packages = {}

    def struct(self, name):
        path, _, name = name.rpartition(".")
        module = next(m for m in self.directories if path.startswith("io.k8s." + m.split("/")[1] + "."))
        rest = path.removeprefix("io.k8s." + module.split("/")[1] + ".").replace(".", "/")
        return self.package(self.directories[module] / rest).get(name)

    def package(self, directory):
        if directory not in self.packages:
            structs = self.packages[directory] = {}
            for file in sorted(directory.glob("*.go")):
                if not file.name.endswith("_test.go") and not file.name.startswith("zz_"):
                    self.read(file, structs)
        return self.packages[directory]

    def read(self, file, structs):
        text = file.read_text()
        imports = {alias: path.rsplit("/", 1)[-1]
                   for alias, path in re.findall(r'^\s*(?:import )?(\w+) "([\w./-]+)"$', text, re.M)}
        for name, body in re.findall(r"^type (\w+) struct \{$(.*?)^\}$", text, re.M | re.S):
            fields = re.findall(r'^\t(?:(\w+)[ \t]+)?(\S+)[ \t]+`.*?json:"([^"]*)"', body, re.M)
            structs[name] = [
                (field, self.spelled(ty, imports, file.parent.name), tag) for field, ty, tag in fields]

    def spelled(self, ty, imports, package):
        """A type as Go prints it: with the name of its package."""
        def word(found):
            alias, name = found[1], found[2]
            if alias:
                return f"{imports.get(alias, alias)}.{name}"
            return name if name[0].islower() or name in ("map",) else f"{package}.{name}"
        return re.sub(r"(?:(\w+)\.)?(\w+)", word, ty).replace("[]byte", "[]uint8")

    def fields(self, name):
        """Of each JSON field: the Go type, whether it is left out when empty, the way to it."""
        found = {}
        for field, ty, tag in self.struct(name) or []:
            json_name, *options = tag.split(",")
            if "inline" in options or (not field and not json_name):
                embedded = ty.rsplit(".", 1)[-1]
                path = name.rpartition(".")[0]
                if ty == "v1.TypeMeta":
                    path = "io.k8s.apimachinery.pkg.apis.meta.v1"
                for inner, (ty, omits, way) in self.fields(f"{path}.{embedded}").items():
                    found.setdefault(inner, (ty, omits, ".".join(filter(None, [field or embedded, way]))))
            elif json_name != "-":
                found[json_name] = (ty, "omitempty" in options, "")
        return found


def reference(schema):
    inner = schema if "$ref" in schema else (schema.get("allOf") or [{}])[0]
    return inner.get("$ref", "").removeprefix(REFERENCE)


def type_of(schema):
    name = reference(schema)
    if name:
        return "@" + name
    if schema.get("type") == "array":
        return "[]" + type_of(schema["items"])
    if schema.get("type") == "object":
        return "{}" + type_of(schema["additionalProperties"])
    return PLAIN[(schema["type"], schema.get("format"))]


def go_of(ty):
    """What Go calls a type, if it has no name of its own."""
    if ty.startswith("[]"):
        return "[]" + go_of(ty[2:])
    if ty.startswith("{}"):
        return "map[string]" + go_of(ty[2:])
    if ty.startswith("@"):
        return ".".join(ty.rsplit(".", 2)[1:])
    return GO.get(ty, ty)


def merging(schema):
    kind, strategy = schema.get("x-kubernetes-list-type"), schema.get("x-kubernetes-patch-strategy")
    if kind:
        keys = schema.get("x-kubernetes-list-map-keys", [])
        yield f"list={kind}" + (":" + ",".join(keys) if kind == "map" else "")
    if "x-kubernetes-map-type" in schema:
        yield "map=" + schema["x-kubernetes-map-type"]
    if strategy:
        yield f"patch={strategy}"
    if "x-kubernetes-patch-merge-key" in schema:
        yield "key=" + schema["x-kubernetes-patch-merge-key"]


def field_line(definition, name, schema, go):
    if name not in go:
        sys.exit(f"{definition}.{name} is not in the Go sources")
    ty, (go_type, omits, way) = type_of(schema), go[name]
    words = [name, ty, *merging(schema)]
    if name in REQUIRED.get(definition, ()):
        words.append("required")
    if omits and not ty.startswith("@") and not go_type.startswith("*"):
        words.append("omitempty")
    if go_type.lstrip("*") != go_of(ty):
        words.append("go=" + go_type.lstrip("*"))
    if way:
        words.append("in=" + way)
    if "default" in schema:
        words.append("default=" + json.dumps(schema["default"], separators=(",", ":")))
    return " " + " ".join(words)


def what(name, schema):
    last = name.rsplit(".", 1)[-1]
    if last in ("Time", "MicroTime", "Quantity", "RawExtension", "IntOrString"):
        return last
    if not schema.get("properties"):
        if not schema.get("type"):
            return "any"
        return "object" if last == "FieldsV1" else "struct"
    return "struct"


def lines(definitions, sources, versions):
    for name, schema in sorted(definitions.items()):
        kinds = [(k["group"], k["version"], k["kind"])
                 for k in schema.get("x-kubernetes-group-version-kind", [])]
        words = [name, what(name, schema)]
        if schema.get("x-kubernetes-map-type") == "atomic":
            words.append("atomic")
        words += ["/".join(kind) for kind in kinds if kind[:2] in versions]
        yield " ".join(words)
        go = sources.fields(name)
        for field, inner in sorted(schema.get("properties", {}).items()):
            yield field_line(name, field, inner, go)


def reachable(documents, versions):
    """The definitions of the kinds that objects are of, and all that these refer to."""
    def is_root(name, schema):
        kinds = schema.get("x-kubernetes-group-version-kind", [])
        return len(kinds) == 1 and not name.endswith("List") and (
            kinds[0]["group"], kinds[0]["version"]) in versions

    found, open_names = {}, [name for name, schema in documents.items() if is_root(name, schema)]
    while open_names:
        name = open_names.pop()
        if name not in found:
            found[name] = documents[name]
            text = json.dumps(documents[name])
            open_names += re.findall(re.escape(REFERENCE) + r'([^"]+)', text)
    return found


def served():
    """The versions of groups that the server has, from what `kinds.py` wrote."""
    groups = KINDS.read_text().split("GROUPS", 1)[1].split("];", 1)[0]
    found = re.findall(r't\("([^"]*)"\),\s*Cow::Borrowed\(&\[([^\]]*)\]', groups)
    return {(group, version) for group, list_ in found for version in re.findall(r'"(\w+)"', list_)}


REQUIRED = {}


def main():
    found = subprocess.run(
        ["go", "list", "-m", "-f", "{{.Path}} {{.Dir}}", *MODULES],
        cwd=MODULE, check=True, capture_output=True, text=True)
    directories = dict(line.split() for line in found.stdout.splitlines())
    directories = {path: pathlib.Path(directory) for path, directory in directories.items()}
    documents = {}
    for file in sorted((directories["k8s.io/kubernetes"] / "api/openapi-spec/v3").glob("*.json")):
        documents |= json.loads(file.read_text()).get("components", {}).get("schemas", {})
    versions = served()
    definitions = reachable(documents, versions)
    REQUIRED.update((name, schema.get("required", ())) for name, schema in definitions.items())
    text = "".join(line + "\n" for line in lines(definitions, Sources(directories), versions))
    if "--check" in sys.argv:
        # The same text can be compressed in several ways.
        if zlib.decompress(OUTPUT.read_bytes()).decode() != text:
            sys.exit(f"{OUTPUT} differs from what the sources say: run without --check")
    else:
        OUTPUT.write_bytes(zlib.compress(text.encode(), 9))


if __name__ == "__main__":
    main()
