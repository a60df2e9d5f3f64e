//! What was answered, with what differs between any two runs made alike.

use std::collections::BTreeMap;

use serde_json::{Value, json};

/// The names that a scenario has to itself.
#[derive(Clone, Debug)]
pub(crate) struct Names {
    /// Written `NS` in scenarios.
    pub(crate) namespace: String,
    /// Written `PREFIX`.
    pub(crate) prefix: String,
    /// The scenario has random numbers, and objects with several mistakes: numbers in texts are no versions,
    /// causes have no order, and messages that list mistakes end before the first.
    pub(crate) is_random: bool,
}

impl Names {
    pub(crate) fn new(number: usize) -> Self {
        Self {
            namespace: format!("ns{number:04}x"),
            prefix: format!("pre{number:04}x"),
            is_random: false,
        }
    }

    pub(crate) fn expand(&self, text: &str) -> String {
        text.replace("PREFIX", &self.prefix)
            .replace("NS", &self.namespace)
    }

    fn collapse(&self, text: &str) -> String {
        text.replace(&self.prefix, "PREFIX")
            .replace(&self.namespace, "NS")
    }

    /// Expands `cm/a?x` to `/api/v1/namespaces/NS/configmaps/a?x`; a path that begins with `/` stays.
    pub(crate) fn expand_path(&self, path: &str) -> String {
        const SHORT: [(&str, &str); 14] = [
            ("cm", "/api/v1/namespaces/NS/configmaps"),
            ("secret", "/api/v1/namespaces/NS/secrets"),
            ("pod", "/api/v1/namespaces/NS/pods"),
            ("svc", "/api/v1/namespaces/NS/services"),
            ("event", "/api/v1/namespaces/NS/events"),
            ("deploy", "/apis/apps/v1/namespaces/NS/deployments"),
            ("rs", "/apis/apps/v1/namespaces/NS/replicasets"),
            ("lease", "/apis/coordination.k8s.io/v1/namespaces/NS/leases"),
            (
                "role",
                "/apis/rbac.authorization.k8s.io/v1/namespaces/NS/roles",
            ),
            ("ns", "/api/v1/namespaces"),
            ("node", "/api/v1/nodes"),
            (
                "crd",
                "/apis/apiextensions.k8s.io/v1/customresourcedefinitions",
            ),
            (
                "widget",
                "/apis/PREFIX.example.com/v1/namespaces/NS/widgets",
            ),
            ("gadget", "/apis/PREFIX.example.com/v1/gadgets"),
        ];
        let end = path.find(['/', '?']).unwrap_or(path.len());
        let short = SHORT.iter().find(|(short, _)| *short == &path[..end]);
        let long = short.map_or_else(
            || path.to_owned(),
            |(_, long)| format!("{long}{}", &path[end..]),
        );
        self.expand(&long)
    }
}

/// What was answered, line by line.
#[derive(Debug)]
pub(crate) struct Transcript {
    names: Names,
    lines: Vec<Value>,
}

impl Transcript {
    pub(crate) fn new(names: Names) -> Self {
        Self {
            names,
            lines: Vec::new(),
        }
    }

    pub(crate) fn names(&self) -> &Names {
        &self.names
    }

    pub(crate) fn note(&mut self, note: &str) {
        self.lines.push(note.into());
    }

    pub(crate) fn watch(&mut self, path: &str, code: u16) {
        self.lines
            .push(json!({ "asked": format!("WATCH {path}"), "code": code }));
    }

    pub(crate) fn answer(
        &mut self,
        method: &str,
        path: &str,
        code: u16,
        headers: &http::HeaderMap,
        body: &[u8],
    ) {
        let header = |name: &str| {
            let value = headers.get(name).and_then(|value| value.to_str().ok());
            value.unwrap_or_default().to_owned()
        };
        self.lines.push(json!({
            "asked": format!("{method} {path}"),
            "code": code,
            "type": header("content-type"),
            "retry": header("retry-after"),
            "warnings": field_warnings(headers),
        }));
        self.body(body);
    }

    pub(crate) fn body(&mut self, body: &[u8]) {
        let body = serde_json::from_slice(body)
            .unwrap_or_else(|_| Value::String(String::from_utf8_lossy(body).into_owned()));
        self.lines.push(body);
    }

    pub(crate) fn event(&mut self, event: Value) {
        self.lines.push(event);
    }

    /// Returns the lines made alike.
    pub(crate) fn normalized(mut self) -> Vec<String> {
        let mut versions = BTreeMap::new();
        for line in &self.lines {
            collect_versions(line, &mut versions);
        }
        for (rank, token) in versions.values_mut().enumerate() {
            *token = format!("RV{}", rank + 1);
        }
        let mut alike = Alike {
            names: self.names.clone(),
            versions,
            uids: BTreeMap::new(),
            counts: false,
        };
        let mut out = Vec::new();
        for line in &mut self.lines {
            alike.value(line, "");
            match line {
                Value::String(text) => out.push(text.clone()),
                other => out.extend(
                    serde_json::to_string_pretty(other)
                        .unwrap_or_default()
                        .lines()
                        .map(str::to_owned),
                ),
            }
        }
        out
    }
}

/// The warnings about fields; the real server has others that the embedded one has not.
fn field_warnings(headers: &http::HeaderMap) -> Vec<String> {
    let values = headers.get_all("warning").iter();
    let texts = values.map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned());
    let is_of_fields = |text: &String| {
        ["unknown field", "duplicate field"]
            .iter()
            .any(|words| text.contains(words))
    };
    texts.filter(is_of_fields).collect()
}

/// The versions of objects; a list's own depends on what else happens on the server.
fn collect_versions(value: &Value, versions: &mut BTreeMap<u64, String>) {
    match value {
        Value::Object(map) => {
            if is_object(map)
                && let Some(version) = map["metadata"]["resourceVersion"].as_str()
                && let Ok(version) = version.parse()
            {
                versions.insert(version, String::new());
            }
            map.values()
                .for_each(|value| collect_versions(value, versions));
        }
        Value::Array(items) => items
            .iter()
            .for_each(|item| collect_versions(item, versions)),
        _ => {}
    }
}

fn is_object(map: &serde_json::Map<String, Value>) -> bool {
    map.get("metadata")
        .is_some_and(|metadata| metadata.get("name").is_some())
}

/// How the difference of two of Go's structs begins in a message.
const GO_DIFFERENCE: &str = "\n@@ -";

struct Alike {
    names: Names,
    versions: BTreeMap<u64, String>,
    uids: BTreeMap<String, String>,
    /// The text at hand counts something, and has no versions.
    counts: bool,
}

impl Alike {
    fn value(&mut self, value: &mut Value, field: &str) {
        match value {
            Value::String(text) => *text = self.text(text, field),
            Value::Array(items) => items.iter_mut().for_each(|item| self.value(item, field)),
            Value::Object(map) => {
                let is_unordered = self.names.is_random;
                if let Some(Value::Array(causes)) = map.get_mut("causes") {
                    // The real server tells conflicts in whatever order, and what is wrong with fields.
                    causes.sort_by_key(|cause| {
                        let is_conflict = cause["reason"] == "FieldManagerConflict";
                        (is_conflict || is_unordered).then(|| cause.to_string())
                    });
                }
                if is_unordered && let Some(Value::String(message)) = map.get_mut("message") {
                    // The causes say the rest; and what is wrong with an apply is told up to some field.
                    for end in [" is invalid: [", "failed to create typed patch object"] {
                        if let Some(place) = message.find(end) {
                            message.truncate(place + end.len());
                        }
                    }
                }
                if let Some(Value::Array(entries)) = map.get_mut("managedFields") {
                    // Their order depends on which second each was written in.
                    entries.sort_by_key(manager_of);
                }
                // Depends on who else writes, and on the version of Go.
                map.remove("serverAddressByClientCIDRs");
                // Opaque, and said in discovery alone.
                map.remove("storageVersionHash");
                if map.get("type").is_some_and(|ty| ty == "BOOKMARK") {
                    // Real ones carry the zero values of their kind.
                    let object = &map["object"];
                    let annotations = object["metadata"]["annotations"].clone();
                    let alike = json!({ "kind": object["kind"], "annotations": annotations });
                    map.insert("object".to_owned(), alike);
                }
                // A list's own version depends on what else happens on the server.
                if !map.contains_key("name") && map.contains_key("resourceVersion") {
                    map.insert("resourceVersion".to_owned(), "LIST-RV".into());
                }
                for (name, mut inner) in std::mem::take(map) {
                    self.value(&mut inner, &name);
                    // The names of managed fields can hold uids.
                    let name = if name.starts_with("k:") {
                        self.counts = true; // Ports are no versions.
                        self.words(&self.names.collapse(&name))
                    } else {
                        name
                    };
                    map.insert(name, inner);
                }
            }
            _ => {}
        }
    }

    fn text(&mut self, text: &str, field: &str) -> String {
        // With a refused change of a pod, the real server also prints how its Go structs differ.
        let text = text.split(GO_DIFFERENCE).next().unwrap_or(text);
        match field {
            "resourceVersion" => match text.parse::<u64>() {
                Ok(version) => self
                    .versions
                    .get(&version)
                    .cloned()
                    .unwrap_or_else(|| "LIST-RV".to_owned()),
                Err(_) => text.to_owned(),
            },
            "continue" if !text.is_empty() => "TOKEN".to_owned(),
            _ if is_time(text) => "TIME".to_owned(),
            // Which one a service gets is random.
            "clusterIP" | "clusterIPs" if text.starts_with("10.0.0.") => "ADDRESS".to_owned(),
            // Which number it is depends on what else happens on the server.
            _ if text.contains("resource version") => without_numbers(text),
            _ => {
                self.counts = self.names.is_random || text.starts_with("Apply failed with ");
                self.words(&self.names.collapse(text))
            }
        }
    }

    /// Replaces uids, and the versions and times in messages.
    fn words(&mut self, text: &str) -> String {
        let mut out = String::new();
        let mut word = String::new();
        for c in text.chars().chain(['\0']) {
            if c.is_ascii_alphanumeric() || c == '-' {
                word.push(c);
                continue;
            }
            out.push_str(&self.word(&word));
            word.clear();
            if c != '\0' {
                out.push(c);
            }
        }
        out
    }

    fn word(&mut self, word: &str) -> String {
        if is_uid(word) {
            let next = format!("UID{}", self.uids.len() + 1);
            return self.uids.entry(word.to_owned()).or_insert(next).clone();
        }
        for prefix in ["gen-", "Gen-"] {
            if word.strip_prefix(prefix).is_some_and(is_suffix) {
                return format!("{prefix}?????");
            }
        }
        match word.parse::<u64>() {
            Ok(_) if self.counts => word.to_owned(),
            Ok(number) if self.versions.contains_key(&number) && number > 4 => {
                self.versions[&number].clone()
            }
            Ok(number) if number >= 100 && word.len() > 2 && number != 253 => "NUMBER".to_owned(),
            _ => word.to_owned(),
        }
    }
}

/// Returns what tells an entry of managed fields from others.
fn manager_of(entry: &Value) -> String {
    let of = |name| entry[name].as_str().unwrap_or_default();
    ["operation", "manager", "apiVersion", "subresource"]
        .map(of)
        .join(" ")
}

fn without_numbers(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars() {
        match c.is_ascii_digit() {
            true if out.ends_with('N') => {}
            true => out.push('N'),
            false => out.push(c),
        }
    }
    out
}

fn is_uid(word: &str) -> bool {
    let lengths: Vec<usize> = word.split('-').map(str::len).collect();
    lengths == [8, 4, 4, 4, 12] && word.chars().all(|c| c == '-' || c.is_ascii_hexdigit())
}

fn is_suffix(suffix: &str) -> bool {
    suffix.len() == 5
        && suffix
            .chars()
            .all(|c| "bcdfghjklmnpqrstvwxz2456789".contains(c))
}

/// `2026-01-01T00:00:00Z`.
fn is_time(text: &str) -> bool {
    let shape: String = text
        .chars()
        .map(|c| if c.is_ascii_digit() { '9' } else { c })
        .collect();
    shape == "9999-99-99T99:99:99Z"
}
