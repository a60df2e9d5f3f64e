#!/usr/bin/env python3
"""Writes src/kinds/builtin.rs: every built-in kind, as a real API server of that version has it.

    kubehandler-apiserver/generate/kinds.py [--check] URL TOKEN

Names, versions, verbs, scopes and subresources come from the server's discovery. How names must look,
and whether a PUT creates, come from dry runs against it. Whether a kind counts generations, takes PUTs
without a version, and which fields can be selected is read from the server's Go sources, which must be
in Go's module cache (tests/cluster/build puts them there). With --check nothing is written, and a
difference is an error. The server must be freshly started: custom kinds would be taken for built-in ones.
"""

import json
import pathlib
import re
import ssl
import subprocess
import sys
import urllib.error
import urllib.request

HERE = pathlib.Path(__file__).resolve().parent
OUTPUT = HERE.parent / "src/kinds/builtin.rs"
MODULE = HERE.parent.parent / "tests/cluster"
AGGREGATED = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"


# What the newer group of events selects by, and where the stored event has it.
EVENT_FIELDS = [
    (f"regarding.{name}", f"involvedObject.{name}")
    for name in ("kind", "namespace", "name", "uid", "apiVersion", "resourceVersion", "fieldPath")
] + [("reason", "reason"), ("reportingController", "reportingComponent"), ("type", "type")]


class Server:
    def __init__(self, url, token):
        self.url, self.token = url, token
        self.tls = ssl.create_default_context()
        self.tls.check_hostname, self.tls.verify_mode = False, ssl.CERT_NONE

    def ask(self, method, path, body=None, accept="application/json"):
        headers = {"Authorization": f"Bearer {self.token}", "Accept": accept}
        data = None if body is None else json.dumps(body).encode()
        if data:
            headers["Content-Type"] = "application/json"
        request = urllib.request.Request(self.url + path, data, headers, method=method)
        try:
            with urllib.request.urlopen(request, context=self.tls) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as error:
            text = error.read()
            try:
                return error.code, json.loads(text)
            except ValueError:
                return error.code, {"message": text.decode()}


class Sources:
    """Facts that no answer of the server tells, read from its Go sources."""

    def __init__(self):
        found = subprocess.run(
            ["go", "list", "-m", "-f", "{{.Dir}}", "k8s.io/kubernetes", "k8s.io/api"],
            cwd=MODULE, check=True, capture_output=True, text=True)
        self.kubernetes, self.api = map(pathlib.Path, found.stdout.split())
        self.strategies = {}
        for file in sorted(self.kubernetes.glob("pkg/registry/*/*/strategy.go")):
            group, kind = file.parts[-3], file.parts[-2]
            self.strategies[(group, kind)] = file.read_text()
        self.constants = {}
        for file in self.api.glob("resource/v1/*.go"):
            found = re.findall(r'(\w+)\s*=\s*"([\w.]+)"', file.read_text())
            self.constants.update(found)
        self.labels = {}
        for file in sorted(self.kubernetes.glob("pkg/apis/*/v*/conversion.go")):
            self.read_labels(file)

    def read_labels(self, file):
        group, version = file.parts[-3], file.parts[-2]
        text = file.read_text()
        for part in text.split("AddFieldLabelConversionFunc(")[1:]:
            kind = re.search(r'WithKind\("(\w+)"\)', part)
            if not kind:
                continue
            cases = part[: part.index("default:")] if "default:" in part else ""
            labels = []
            for names, target in re.findall(r"case ([^:]*?):\s*return ([^,]*),", cases, re.S):
                for name in re.findall(r'"([\w.]+)"|(?:\w+\.)?(\w+)', names):
                    name = name[0] or self.constants.get(name[1])
                    if name:
                        labels.append((name, name if target == "label" else target.strip('"')))
            self.labels[(group, version, kind[1])] = labels

    def strategy(self, group, kind, plural):
        short = {"": "core"}.get(group, group.split(".")[0])
        short = {"rbac": "rbac", "internal": "apiserverinternal"}.get(short, short)
        for name in (kind.lower(), plural, "certificates" if plural.startswith("certificatesign") else ""):
            if (short, name) in self.strategies:
                return self.strategies[(short, name)]
        return ""

    def selectable(self, group, version, kind):
        short = {"": "core"}.get(group, group.split(".")[0])
        labels = self.labels.get((short, version, kind))
        if kind == "Event":
            # Both groups share one storage: the same fields, in one order, under each group's names.
            core = [(path, path) for _, path in EVENT_FIELDS] + [("source", "source")]
            return EVENT_FIELDS if short == "events" else core
        return [(n, p) for n, p in labels or [] if n not in ("metadata.name", "metadata.namespace")]


def answer_of(text, function):
    """What a one-line Go method returns, or None."""
    found = re.search(function + r"\([^)]*\) bool \{\s*return (true|false)", text)
    return None if found is None else found[1] == "true"


def base(group, version, resource):
    root = f"/apis/{group}/{version}" if group else f"/api/{version}"
    space = "/namespaces/default" if resource["scope"] == "Namespaced" else ""
    return f"{root}{space}/{resource['resource']}"


def name_rule(server, path, api_version, kind):
    """What the server says of a name that no rule but the widest allows."""
    body = {"apiVersion": api_version, "kind": kind, "metadata": {"name": "Not:A_Label"}}
    _, answer = server.ask("POST", path + "?dryRun=All", body)
    causes = answer.get("details", {}).get("causes", []) if isinstance(answer, dict) else []
    words = " ".join(c["message"] for c in causes if c.get("field") == "metadata.name")
    if "RFC 1123 subdomain" in words:
        return "Subdomain"
    if "RFC 1123 label" in words:
        return "Label"
    return "Subdomain" if words or answer.get("code") in (400, 403) else "PathSegment"


def creates_on_put(server, path, api_version, kind):
    body = {"apiVersion": api_version, "kind": kind, "metadata": {"name": "nobody"}}
    code, _ = server.ask("PUT", path + "/nobody?dryRun=All", body)
    return code in (201, 422)


def text(value):
    return f"t({json.dumps(value)})"


def texts(values):
    return "&[" + ", ".join(text(v) for v in values) + "]"


def borrowed(list_of_code):
    return "Cow::Borrowed(&[" + ", ".join(list_of_code) + "])"


def version_code(version, resource, hashes):
    subs = [
        "Subresource { name: %s, group: %s, version: %s, kind: %s, verbs: Cow::Borrowed(%s) }" % (
            text(s["subresource"]), text(s["responseKind"].get("group") or ""),
            text(s["responseKind"].get("version") or ""), text(s["responseKind"]["kind"]),
            texts(s["verbs"]))
        for s in resource.get("subresources", [])
    ]
    return "Version { name: %s, kind: %s, verbs: Cow::Borrowed(%s), subresources: %s, storage_version_hash: %s, schema: None, types: None }" % (
        text(version), text(resource["responseKind"]["kind"]), texts(resource["verbs"]),
        borrowed(subs), text(hashes.get(resource["resource"], "")))


def collect(server):
    """Groups in discovery's order, each with its versions, and the resources of all."""
    groups, resources = [], {}
    for path in ("/api", "/apis"):
        _, found = server.ask("GET", path, accept=AGGREGATED)
        for item in found["items"]:
            group = item["metadata"].get("name") or ""
            groups.append((group, [v["version"] for v in item["versions"]]))
            for version in item["versions"]:
                root = f"/apis/{group}" if group else "/api"
                _, legacy = server.ask("GET", f"{root}/{version['version']}")
                hashes = {r["name"]: r.get("storageVersionHash", "") for r in legacy["resources"]}
                for resource in version["resources"]:
                    key = (group, resource["resource"])
                    resources.setdefault(key, []).append((version["version"], resource, hashes))
    return groups, resources


def resource_code(server, sources, group, plural, versions):
    version, first, _ = versions[0]
    kind = first["responseKind"]["kind"]
    api_version = f"{group}/{version}" if group else version
    path = base(group, version, first)
    strategy = sources.strategy(group, kind, plural)
    can_create = "create" in first["verbs"] and "get" in first["verbs"]
    names = name_rule(server, path, api_version, kind) if can_create else "Subdomain"
    creates = can_create and creates_on_put(server, path, api_version, kind)
    selectable = borrowed(f"({text(n)}, {text(p)})" for n, p in sources.selectable(group, version, kind))
    has_scale = any(s["subresource"] == "scale" for s in first.get("subresources", []))
    scale = "None"
    if has_scale:
        selector = "spec.selector"
        scale = "Some(ScalePaths { spec: %s, status: %s, selector: %s })" % (
            text("spec.replicas"), text("status.replicas"), text(selector))
    counts = bool(re.search(r"\.Generation = 1\b", strategy)) or plural == "customresourcedefinitions"
    unconditional = answer_of(strategy, "AllowUnconditionalUpdate") is not False
    flag = lambda value: "true" if value else "false"
    return f"""Resource {{
        group: {text(group)}, plural: {text(plural)}, singular: {text(first.get("singularResource", ""))},
        short_names: Cow::Borrowed({texts(first.get("shortNames", []))}),
        categories: Cow::Borrowed({texts(first.get("categories", []))}),
        is_namespaced: {flag(first["scope"] == "Namespaced")},
        storage_schema: None,
        versions: {borrowed(version_code(*v) for v in versions)},
        rules: Rules {{
            names: NameRule::{names}, has_generation: {flag(counts)},
            creates_on_update: {flag(creates)}, updates_unconditionally: {flag(unconditional)},
            selectable: {selectable}, scale: {scale}, is_custom: false,
        }},
    }}"""


def main():
    arguments = [a for a in sys.argv[1:] if a != "--check"]
    server, sources = Server(*arguments), Sources()
    groups, resources = collect(server)
    group_code = ", ".join(
        f"({text(g)}, {borrowed(text(v) for v in versions)})" for g, versions in groups)
    codes = [resource_code(server, sources, *key, versions) for key, versions in resources.items()]
    code = f"""//! Every built-in kind. Written by `generate/kinds.py`; not to be edited.

use std::borrow::Cow;

use super::{{NameRule, Resource, Rules, ScalePaths, Subresource, Text, Version}};

const fn t(text: &'static str) -> Text {{
    Cow::Borrowed(text)
}}

/// The groups in the order of discovery, each with its versions, the preferred one first.
pub(super) static GROUPS: &[(Text, Cow<'static, [Text]>)] = &[{group_code}];

/// The resources in the order of discovery.
pub(super) static RESOURCES: &[Resource] = &[{", ".join(codes)}];
"""
    formatted = subprocess.run(
        ["rustfmt", "--edition", "2024", "--config-path", str(HERE.parent.parent)],
        input=code, check=True, capture_output=True, text=True).stdout
    if "--check" in sys.argv:
        if OUTPUT.read_text() != formatted:
            sys.exit(f"{OUTPUT} differs from what this server says: run without --check")
    else:
        OUTPUT.write_text(formatted)


if __name__ == "__main__":
    main()
