//! Random schemas with random objects and random rules on both servers: what is stored, and what is said
//! of wrong objects, is equal.

use serde_json::{Map, Value, json};

use super::generated::{Choose as _, Generator, play_cases};

/// How many cases there are if nothing else is said: each defines a resource, which takes the real server long.
const CASES: u64 = 100;

/// How many objects each has, at least and at most.
const OBJECTS: std::ops::Range<usize> = 4..9;

/// How deep a schema is at most.
const DEPTH: usize = 3;

/// The fields that a schema may have.
const FIELDS: [&str; 5] = ["able", "baker", "charlie", "dog", "easy"];

const TEXTS: [&str; 6] = ["", "a", "bb", "ccc", "1234", "B"];

/// One case, as a scenario.
struct Case {
    random: fastrand::Rng,
    text: String,
}

impl Case {
    fn text(seed: u64) -> String {
        let mut case = Self {
            random: fastrand::Rng::with_seed(seed),
            text: format!("## Random schema, case {seed} [schemas-generated]\n"),
        };
        let schema = case.spec();
        let whole = json!({ "type": "object", "properties": { "spec": schema } });
        let definition = json!({
            "apiVersion": "apiextensions.k8s.io/v1",
            "kind": "CustomResourceDefinition",
            "metadata": { "name": "widgets.PREFIX.example.com" },
            "spec": {
                "group": "PREFIX.example.com",
                "scope": "Namespaced",
                "names": { "plural": "widgets", "singular": "widget", "kind": "Widget", "listKind": "WidgetList" },
                "versions": [{
                    "name": "v1", "served": true, "storage": true,
                    "schema": { "openAPIV3Schema": whole },
                }],
            },
        });
        case.line(&format!("POST crd {definition}"));
        case.line("AWAIT 200 widget");
        for number in 0..case.random.usize(OBJECTS) {
            case.write(&schema, number);
        }
        case.line("GET widget/a");
        // Or the real server would have more and more to serve.
        case.line("DELETE crd/widgets.PREFIX.example.com");
        case.text
    }

    fn line(&mut self, line: &str) {
        self.text.push_str(line);
        self.text.push('\n');
    }

    fn write(&mut self, schema: &Value, number: usize) {
        let mut object = json!({
            "apiVersion": "PREFIX.example.com/v1",
            "kind": "Widget",
            "metadata": { "name": "a" },
            "spec": self.value(schema),
        });
        let line = match self.random.u8(..6) {
            _ if number == 0 => format!("POST widget {object}"),
            0 => {
                object["metadata"]["name"] = json!("b");
                format!("POST widget?dryRun=All {object}")
            }
            1 => format!("APPLY widget/a?fieldManager=me&force=true {object}"),
            2 | 3 => format!("PUT widget/a {object}"),
            _ => format!("MERGE widget/a {}", json!({ "spec": object["spec"] })),
        };
        self.line(&line);
    }

    /// The schema of `spec`: an object, with rules about its fields.
    fn spec(&mut self) -> Value {
        let mut schema = self.object(0);
        let fields: Vec<(String, Value)> = schema["properties"]
            .as_object()
            .into_iter()
            .flatten()
            .map(|(name, schema)| (name.clone(), schema.clone()))
            .collect();
        let mut rules = Vec::new();
        for (name, field) in fields {
            if self.random.bool()
                && let Some(rule) = self.rule(&name, &field)
            {
                rules.push(rule);
            }
        }
        if !rules.is_empty() {
            schema["x-kubernetes-validations"] = json!(rules);
        }
        schema
    }

    /// A rule about a field, whose cost is small.
    fn rule(&mut self, name: &str, field: &Value) -> Option<Value> {
        let of_self = format!("self.{name}");
        let test = match field["type"].as_str()? {
            // Those of a format are no strings in rules.
            "string" if field.get("format").is_none() => self.random.one_of(&[
                "V.size() < 3",
                "V.startsWith('a') || V == ''",
                "V.matches('^[a-z]*$')",
                "V in ['a', 'bb', '']",
                "V.lowerAscii() == V",
            ]),
            "integer" => {
                self.random
                    .one_of(&["V > 2", "V % 2 == 0", "V != 5 && V < 90", "V + 1 < 50"])
            }
            "number" => self.random.one_of(&["V > 2.5", "V <= 7.25"]),
            "boolean" => self.random.one_of(&["V", "!V"]),
            "array" if field["items"]["type"] == "integer" => {
                self.random
                    .one_of(&["V.all(x, x < 50)", "V.exists(x, x > 2)", "V.sum() < 90"])
            }
            "array" => self.random.one_of(&["V.size() != 1", "size(V) < 3"]),
            "object" => self.random.one_of(&["V.size() < 2", "size(V) > 0"]),
            _ => return None,
        };
        // The fields of an object are no map.
        if field["type"] == "object" && field.get("additionalProperties").is_none() {
            return None;
        }
        let is_nullable = field["nullable"] == true;
        let is_transition = self.random.u8(..5) == 0 && !is_nullable;
        let rule = if is_transition {
            format!("!has(oldSelf.{name}) || !has(self.{name}) || {of_self} == oldSelf.{name}")
        } else {
            format!("!has({of_self}) || ({})", test.replace('V', &of_self))
        };
        let mut rule = json!({ "rule": rule });
        match self.random.u8(..4) {
            0 => rule["message"] = json!(format!("{name} is wrong")),
            1 => rule["reason"] = json!("FieldValueForbidden"),
            2 => rule["fieldPath"] = json!(format!(".{name}")),
            _ => {}
        }
        Some(rule)
    }

    fn object(&mut self, depth: usize) -> Value {
        let names = self.random.some_of(&FIELDS);
        let properties: Map<String, Value> = names
            .iter()
            .map(|name| ((*name).to_owned(), self.schema(depth + 1)))
            .collect();
        let mut schema = json!({ "type": "object", "properties": properties });
        if self.random.u8(..3) == 0 {
            let name = self.random.one_of(&names);
            schema["required"] = json!([name]);
        }
        if self.random.u8(..5) == 0 {
            schema["x-kubernetes-preserve-unknown-fields"] = json!(true);
        }
        schema
    }

    /// A schema of any type, whose strings and lists are bounded.
    fn schema(&mut self, depth: usize) -> Value {
        let mut schema = match self.random.u8(..if depth < DEPTH { 10 } else { 6 }) {
            0 | 1 => self.string(),
            2 | 3 => self.integer(),
            4 => self.number(),
            5 => json!({ "type": "boolean" }),
            6 => self.object(depth),
            7 => {
                let values = self.schema(depth + 1);
                let mut schema = json!({ "type": "object", "maxProperties": 4 });
                schema["additionalProperties"] = values;
                schema
            }
            8 => self.array(depth),
            _ => {
                json!({ "x-kubernetes-int-or-string": true })
            }
        };
        if self.random.u8(..6) == 0 {
            schema["nullable"] = json!(true);
        }
        if self.random.u8(..5) == 0
            && let Some(default) = self.right(&schema)
        {
            schema["default"] = default;
        }
        schema
    }

    fn string(&mut self) -> Value {
        let mut schema = json!({ "type": "string", "maxLength": 10 });
        match self.random.u8(..6) {
            0 => schema["minLength"] = json!(2),
            1 => schema["maxLength"] = json!(3),
            2 => schema["pattern"] = json!("^[a-z]*$"),
            3 => schema["enum"] = json!(["a", "bb"]),
            4 => {
                schema["format"] = json!(self.random.one_of(&["date", "ipv4", "uuid", "duration"]));
            }
            _ => {}
        }
        schema
    }

    fn integer(&mut self) -> Value {
        let mut schema = json!({ "type": "integer" });
        match self.random.u8(..6) {
            0 => schema["minimum"] = json!(2),
            1 => schema["maximum"] = json!(50),
            2 => {
                schema["minimum"] = json!(5);
                schema["exclusiveMinimum"] = json!(true);
            }
            3 => schema["multipleOf"] = json!(2),
            4 => schema["enum"] = json!([2, 5]),
            _ => {}
        }
        schema
    }

    fn number(&mut self) -> Value {
        let mut schema = json!({ "type": "number" });
        if self.random.bool() {
            schema["minimum"] = json!(2.5);
        }
        schema
    }

    fn array(&mut self, depth: usize) -> Value {
        let mut schema = json!({ "type": "array", "maxItems": 4 });
        schema["items"] = match self.random.u8(..4) {
            0 => {
                schema["x-kubernetes-list-type"] = json!("set");
                json!({ "type": "integer" })
            }
            1 => {
                schema["x-kubernetes-list-type"] = json!("map");
                schema["x-kubernetes-list-map-keys"] = json!(["name"]);
                let mut items = self.object(depth + 1);
                items["properties"]["name"] = json!({ "type": "string", "maxLength": 10 });
                items["required"] = json!(["name"]);
                items
            }
            _ => self.schema(depth + 1),
        };
        if self.random.u8(..4) == 0 {
            schema["minItems"] = json!(1);
        }
        // A list that must be unique, or whose items may be null, is refused.
        if let Some(items) = schema["items"].as_object_mut() {
            items.remove("nullable");
            if schema.get("x-kubernetes-list-type").is_some() {
                schema["items"]
                    .as_object_mut()
                    .map(|items| items.remove("default"));
            }
        }
        schema
    }

    /// A value that fits the type of the schema, unless it has limits of its own that it breaks.
    fn right(&mut self, schema: &Value) -> Option<Value> {
        if let Some(values) = schema["enum"].as_array() {
            return Some(values[0].clone());
        }
        match schema["type"].as_str() {
            Some("string") if schema.get("format").is_none() => Some(json!("bb")),
            Some("integer") => Some(json!(6)),
            Some("number") => Some(json!(6.5)),
            Some("boolean") => Some(json!(self.random.bool())),
            _ => None,
        }
    }

    /// A value for the schema: right most of the time, and sometimes not.
    fn value(&mut self, schema: &Value) -> Value {
        match self.random.u8(..30) {
            0 => return Value::Null,
            1 => {
                return self.random.one_of(&[
                    json!("text"),
                    json!(7),
                    json!(true),
                    json!([]),
                    json!({}),
                ]);
            }
            _ => {}
        }
        match schema["type"].as_str() {
            None => self.random.one_of(&[json!(3), json!("80%"), json!("text")]),
            Some("string") => match schema["format"].as_str() {
                Some(_) => json!(self.random.one_of(&[
                    "2020-01-02",
                    "10.0.0.256",
                    "10.20.30.40",
                    "a9ae6a5c-8e2b-4a9c-8f5a-3d2f1b0c9d8e",
                    "1h30m",
                    "text",
                ])),
                None => json!(self.random.one_of(&TEXTS)),
            },
            Some("integer") => json!(self.random.one_of(&[0, 2, 5, 6, 7, 48, 51, 96])),
            Some("number") => json!(self.random.one_of(&[0.5, 2.5, 6.5, 8.0, 99.75])),
            Some("boolean") => json!(self.random.bool()),
            Some("array") => {
                let count = self.random.usize(..4);
                (0..count).map(|_| self.value(&schema["items"])).collect()
            }
            Some(_) => self.fields(schema),
        }
    }

    fn fields(&mut self, schema: &Value) -> Value {
        let mut fields = Map::new();
        if let Some(values) = schema.get("additionalProperties") {
            for name in self.random.some_of(&["x", "y", "z"]) {
                fields.insert(name.to_owned(), self.value(values));
            }
            return fields.into();
        }
        for (name, field) in schema["properties"].as_object().into_iter().flatten() {
            if self.random.u8(..4) > 0 {
                let value = self.value(field);
                fields.insert(name.clone(), value);
            }
        }
        if self.random.u8(..4) == 0 {
            fields.insert("unknown".to_owned(), json!({ "x": "y" }));
        }
        fields.into()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn random_objects_of_random_schemas_end_alike_on_both_servers() -> anyhow::Result<()> {
    play_cases(&Generator {
        cases: CASES,
        text_of: Case::text,
        is_random: true,
    })
    .await
}
