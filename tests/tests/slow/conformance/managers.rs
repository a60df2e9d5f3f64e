//! Random writes by several managers on both servers: what is left, and who manages it, is equal.

use serde_json::{Map, Value, json};

use super::generated::{Choose as _, Generator, play_cases};

/// How many cases there are if nothing else is said.
const CASES: u64 = 500;

/// How many writes each has, at least and at most.
const WRITES: std::ops::Range<usize> = 3..9;

const MANAGERS: [&str; 3] = ["ann", "bob", "kubectl"];

/// A kind whose lists are of every sort.
const DEFINITION: &str = r#"{"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
    "metadata": {"name": "widgets.PREFIX.example.com"},
    "spec": {"group": "PREFIX.example.com", "scope": "Namespaced",
        "names": {"plural": "widgets", "singular": "widget", "kind": "Widget", "listKind": "WidgetList"},
        "versions": [{"name": "v1", "served": true, "storage": true, "subresources": {"status": {}},
            "schema": {"openAPIV3Schema": {"type": "object", "properties": {
                "spec": {"type": "object", "properties": {
                    "text": {"type": "string"},
                    "open": {"type": "object", "additionalProperties": {"type": "string"}},
                    "whole": {"type": "object", "x-kubernetes-map-type": "atomic",
                        "additionalProperties": {"type": "string"}},
                    "atoms": {"type": "array", "items": {"type": "string"}},
                    "set": {"type": "array", "x-kubernetes-list-type": "set", "items": {"type": "string"}},
                    "map": {"type": "array", "x-kubernetes-list-type": "map",
                        "x-kubernetes-list-map-keys": ["name", "kind"],
                        "items": {"type": "object", "required": ["name"], "properties": {
                            "name": {"type": "string"},
                            "kind": {"type": "string", "default": "plain"},
                            "text": {"type": "string"},
                            "set": {"type": "array", "x-kubernetes-list-type": "set",
                                "items": {"type": "integer"}}}}},
                    "free": {"type": "object", "x-kubernetes-preserve-unknown-fields": true}}},
                "status": {"type": "object", "properties": {"text": {"type": "string"}}}}}}}]}}"#;

/// One case, as a scenario.
struct Case {
    random: fastrand::Rng,
    text: String,
}

impl Case {
    fn text(seed: u64) -> String {
        let title = format!("Writes of several managers, case {seed}");
        let mut case = Self {
            random: fastrand::Rng::with_seed(seed),
            text: format!("## {title} [apply-generated]\n"),
        };
        let kind = match case.random.u8(..20) {
            0..=7 => Kind::ConfigMap,
            8..=12 => Kind::Deployment,
            13..=17 => Kind::Service,
            _ => Kind::Widget,
        };
        if kind == Kind::Widget {
            let definition = DEFINITION.split_whitespace().collect::<Vec<_>>().join(" ");
            case.line(&format!("POST crd {definition}"));
            case.line("AWAIT 200 widget");
        }
        for _ in 0..case.random.usize(WRITES) {
            case.write(kind);
        }
        case.line(&format!("GET {}/a", kind.path()));
        case.text
    }

    fn line(&mut self, line: &str) {
        self.text.push_str(line);
        self.text.push('\n');
    }

    fn write(&mut self, kind: Kind) {
        let path = kind.path();
        let manager = self.random.one_of(&MANAGERS);
        let line = match self.random.u8(..12) {
            0 => {
                let object = self.object(kind, true);
                format!("POST {path}?fieldManager={manager} {object}")
            }
            1 | 2 => {
                let object = self.object(kind, true);
                format!("PUT {path}/a?fieldManager={manager} {object}")
            }
            3 | 4 => {
                let mut change = self.object(kind, false);
                if self.random.bool() {
                    self.remove_one(&mut change);
                }
                format!("MERGE {path}/a?fieldManager={manager} {change}")
            }
            5 => {
                let operations = self.operations(kind);
                format!("JSON {path}/a?fieldManager={manager} {operations}")
            }
            6 => format!(
                "MERGE {path}/a?fieldManager={manager} {{\"metadata\": {{\"managedFields\": [{{}}]}}}}"
            ),
            number => {
                let force = if number > 9 { "&force=true" } else { "" };
                let object = self.object(kind, kind.is_complete());
                format!("APPLY {path}/a?fieldManager={manager}{force} {object}")
            }
        };
        self.line(&line);
    }

    /// An object with some of its fields, at random.
    fn object(&mut self, kind: Kind, is_complete: bool) -> Value {
        let mut metadata = json!({ "name": "a" });
        if let Some(labels) = self.texts() {
            metadata["labels"] = labels;
        }
        if self.random.u8(..4) == 0 {
            metadata["finalizers"] = self.list(&["a.example/x", "a.example/y", "a.example/z"]);
        }
        let mut object =
            json!({ "apiVersion": kind.api_version(), "kind": kind.name(), "metadata": metadata });
        match kind {
            Kind::ConfigMap => {
                if let Some(data) = self.texts() {
                    object["data"] = data;
                }
            }
            Kind::Deployment => object["spec"] = self.deployment(is_complete),
            Kind::Service => object["spec"] = self.service(is_complete),
            Kind::Widget => {
                if let Some(spec) = self.widget() {
                    object["spec"] = spec;
                }
            }
        }
        object
    }

    fn deployment(&mut self, is_complete: bool) -> Value {
        let mut spec = Map::new();
        if self.random.bool() {
            spec.insert("replicas".into(), json!(self.random.u8(1..4)));
        }
        if self.random.u8(..3) == 0 {
            spec.insert("paused".into(), json!(self.random.bool()));
        }
        if !is_complete {
            return spec.into();
        }
        let names = self.random.some_of(&["main", "side"]);
        let containers: Vec<Value> = names.iter().map(|name| self.container(name)).collect();
        spec.insert("selector".into(), json!({ "matchLabels": { "app": "a" } }));
        let template = json!({ "metadata": { "labels": { "app": "a" } }, "spec": { "containers": containers } });
        spec.insert("template".into(), template);
        spec.into()
    }

    fn container(&mut self, name: &str) -> Value {
        let mut container =
            json!({ "name": name, "image": self.random.one_of(&["i:1", "i:2", "i"]) });
        if self.random.bool() {
            let names = self.random.some_of(&["A", "B", "C"]);
            let variables = names
                .iter()
                .map(|name| json!({ "name": name, "value": self.random.one_of(&["1", "2"]) }));
            container["env"] = variables.collect();
        }
        if self.random.bool() {
            let numbers = self.random.some_of(&[80, 443]);
            let ports = numbers.iter().map(|number| {
                let mut port = json!({ "containerPort": number });
                if self.random.bool() {
                    port["protocol"] = json!(self.random.one_of(&["TCP", "UDP"]));
                }
                port
            });
            container["ports"] = ports.collect();
        }
        if self.random.u8(..3) == 0 {
            container["args"] = self.list(&["-v", "-q"]);
        }
        if self.random.u8(..3) == 0 {
            let amount = self.random.one_of(&["100m", "1", "0.5", "1000m"]);
            container["resources"] = json!({ "requests": { "cpu": amount } });
        }
        container
    }

    fn service(&mut self, is_complete: bool) -> Value {
        let mut spec = Map::new();
        // Without a selector, addresses of two families are wanted, which later updates are refused.
        let key = self.random.one_of(&["x", "y"]);
        spec.insert("selector".into(), json!({ key: "1" }));
        if self.random.u8(..3) == 0 {
            let affinity = self.random.one_of(&["None", "ClientIP"]);
            spec.insert("sessionAffinity".into(), json!(affinity));
        }
        if is_complete {
            // Addresses are given out at random.
            spec.insert("clusterIP".into(), json!("None"));
            let ports = self.random.some_of(&[("http", 80), ("https", 443)]);
            let ports = ports.iter().map(|(name, port)| {
                let mut port = json!({ "name": name, "port": port });
                if self.random.bool() {
                    port["protocol"] = json!(self.random.one_of(&["TCP", "UDP"]));
                }
                if self.random.bool() {
                    port["targetPort"] = self.random.one_of(&[json!(8080), json!("web")]);
                }
                port
            });
            spec.insert("ports".into(), ports.collect());
        }
        spec.into()
    }

    fn widget(&mut self) -> Option<Value> {
        let mut spec = Map::new();
        let fields = ["text", "open", "whole", "atoms", "set", "map", "free"];
        for field in fields {
            if self.random.u8(..3) > 0 {
                continue;
            }
            let value = match field {
                "text" => json!(self.random.one_of(&["a", "b"])),
                "atoms" | "set" => self.list(&["a", "b", "c"]),
                "map" => {
                    let names = self.random.some_of(&["a", "b"]);
                    names.iter().map(|name| self.entry(name)).collect()
                }
                "free" => match self.random.u8(..3) {
                    0 => json!({ "x": self.texts() }),
                    1 => json!({ "list": self.list(&["a", "b"]) }),
                    _ => json!({}),
                },
                _ => self.texts().unwrap_or_else(|| json!({})),
            };
            spec.insert(field.into(), value);
        }
        (!spec.is_empty()).then(|| spec.into())
    }

    fn entry(&mut self, name: &str) -> Value {
        let mut entry = json!({ "name": name });
        if self.random.bool() {
            entry["kind"] = json!(self.random.one_of(&["plain", "fancy"]));
        }
        if self.random.bool() {
            entry["text"] = json!(self.random.one_of(&["a", "b"]));
        }
        if self.random.u8(..3) == 0 {
            entry["set"] = json!(self.random.some_of(&[1, 2, 3]));
        }
        entry
    }

    /// Makes one field that is there `null`.
    fn remove_one(&mut self, patch: &mut Value) {
        for part in ["data", "spec", "metadata"] {
            let Some(fields) = patch.get_mut(part).and_then(Value::as_object_mut) else {
                continue;
            };
            let names: Vec<String> = fields
                .keys()
                .filter(|name| *name != "name")
                .cloned()
                .collect();
            if names.is_empty() {
                continue;
            }
            let name = &names[self.random.usize(..names.len())];
            fields.insert(name.clone(), Value::Null);
            return;
        }
    }

    fn operations(&mut self, kind: Kind) -> Value {
        let path = match kind {
            Kind::ConfigMap => "/data",
            Kind::Widget => "/spec",
            Kind::Deployment | Kind::Service => "/metadata/labels",
        };
        match self.random.u8(..3) {
            0 => json!([{ "op": "remove", "path": path }]),
            1 if path == "/spec" => {
                json!([{ "op": "add", "path": path, "value": { "text": "c" } }])
            }
            1 => json!([{ "op": "add", "path": path, "value": { "x": "1" } }]),
            _ => json!([{ "op": "add", "path": "/metadata/annotations", "value": { "n": "m" } }]),
        }
    }

    fn texts(&mut self) -> Option<Value> {
        if self.random.u8(..4) == 0 {
            return None;
        }
        let keys = self.random.some_of(&["x", "y", "z"]);
        let texts = keys.iter().map(|key| {
            (
                (*key).to_owned(),
                json!(self.random.one_of(&["1", "2", "3"])),
            )
        });
        Some(Value::Object(texts.collect()))
    }

    fn list(&mut self, items: &[&str]) -> Value {
        let mut items = self.random.some_of(items);
        self.random.shuffle(&mut items);
        json!(items)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    ConfigMap,
    Deployment,
    Service,
    Widget,
}

impl Kind {
    fn path(self) -> &'static str {
        match self {
            Self::ConfigMap => "cm",
            Self::Deployment => "deploy",
            Self::Service => "svc",
            Self::Widget => "widget",
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::ConfigMap => "ConfigMap",
            Self::Deployment => "Deployment",
            Self::Service => "Service",
            Self::Widget => "Widget",
        }
    }

    fn api_version(self) -> &'static str {
        match self {
            Self::ConfigMap | Self::Service => "v1",
            Self::Deployment => "apps/v1",
            Self::Widget => "PREFIX.example.com/v1",
        }
    }

    /// An object is refused without fields that not every manager need apply.
    fn is_complete(self) -> bool {
        matches!(self, Self::Deployment | Self::Service)
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn random_writes_of_several_managers_end_alike_on_both_servers() -> anyhow::Result<()> {
    play_cases(&Generator {
        cases: CASES,
        text_of: Case::text,
        is_random: false,
    })
    .await
}
