//! Kubeconfigs: one file or some, merged, and each context of them.
//!
//! The files stand after one another, with a record separator (U+001E) between them. The words of
//! `tests/clientcmd` stand for what they stand for there.
#![no_main]

use std::{collections::BTreeMap, path::PathBuf, slice};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use kubehandler::{
    fuzzing::{Kubeconfig, Reached},
    serde_json::Value,
};
use kubehandler_fuzz::{
    SECRET, check_message, check_secrecy, files, has_secret, in_time, is_yaml, log, with_password,
    with_secret,
};
use tokio::runtime::Runtime;

/// A file's path and its text.
type File = (PathBuf, Vec<u8>);

/// The most files of an input, and the most contexts that are tried.
const MOST: usize = 3;

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    log().take();
    let texts: Vec<Vec<u8>> = input
        .split(|byte| *byte == 0x1e)
        .take(MOST)
        .map(with_words)
        .collect();
    let inputs: Vec<File> = named(&texts);
    let each: Vec<_> = inputs
        .iter()
        .map(|file| read(slice::from_ref(file)))
        .collect();
    for (file, read) in inputs.iter().zip(&each) {
        check_forms(file, read);
        check_documents(file, read);
    }
    let merged = read(&inputs);
    let each: Result<Vec<Kubeconfig>, String> = each.into_iter().collect();
    let (merged, each) = match (merged, each) {
        (Ok(merged), Ok(each)) => (merged, each),
        // One that cannot be used is never passed over.
        (merged, each) => {
            assert_eq!(merged.err(), each.err());
            return;
        }
    };
    let each: Vec<Value> = each.iter().map(Kubeconfig::to_json).collect();
    let whole = merged.to_json();
    check_merged(&each, &whole);
    if has_fraction(&whole) {
        return; // Written and read, it may differ in its last digit.
    }
    let again = check_written(&each, &whole);
    if !is_harmless(&whole) || has_secret(&whole.to_string()) {
        return;
    }
    let contexts = whole["contexts"].as_array().expect("a list");
    let names = contexts
        .iter()
        .take(MOST)
        .filter_map(|context| context["name"].as_str());
    let names: Vec<Option<&str>> = names.map(Some).chain([None]).collect();
    for name in &names {
        let reached = reach(&merged, *name);
        if let Ok(reached) = &reached {
            check_reached(reached, &whole, *name);
        }
        let reached_again = reach(&again, *name);
        assert_eq!(summary(reached), summary(reached_again), "{name:?}");
    }
    check_secrets(each, &names);
});

fn with_words(text: &[u8]) -> Vec<u8> {
    match str::from_utf8(text) {
        Ok(text) => files().replace_words(text).into_bytes(),
        Err(_) => text.to_vec(),
    }
}

fn named(texts: &[Vec<u8>]) -> Vec<File> {
    let texts = texts.iter().enumerate();
    texts
        .map(|(n, text)| (files().folder().join(format!("config-{n}")), text.clone()))
        .collect()
}

/// Reads files; a message begins with the one that it is about, and quotes nothing but names.
fn read(files: &[File]) -> Result<Kubeconfig, String> {
    let read = in_time(|| Kubeconfig::read(files));
    read.map_err(|error| {
        let message = error.to_string();
        check_message(&message);
        let mut begins = files
            .iter()
            .map(|(file, _)| format!("`{}`: ", file.display()));
        let reason = begins.find_map(|begin| message.strip_prefix(&begin));
        let reason = reason.unwrap_or_else(|| panic!("it names no file: {message}"));
        let reason = reason.replace(|c: char| c.is_ascii_digit(), "");
        let is_known = matches!(
            &*reason,
            "it is neither UTF- nor UTF- text"
                | "it is not a valid kubeconfig"
                | "it is not a valid kubeconfig: see line  column "
        );
        let is_about_names = [
            "it is no kubeconfig: its kind is `",
            "`clusters` has two",
            "`users` has two",
            "`contexts` has two",
        ];
        assert!(
            is_known || is_about_names.iter().any(|begin| reason.starts_with(begin)),
            "{message}"
        );
        message
    })
}

/// Each encoding of a text says the same.
fn check_forms((file, text): &File, read_before: &Result<Kubeconfig, String>) {
    let Ok(text) = str::from_utf8(text) else {
        return;
    };
    if text.starts_with('\u{feff}') {
        return;
    }
    let marked = format!("\u{feff}{text}");
    let utf_16 =
        |bytes: fn(u16) -> [u8; 2]| -> Vec<u8> { marked.encode_utf16().flat_map(bytes).collect() };
    let forms = [
        marked.clone().into_bytes(),
        utf_16(u16::to_le_bytes),
        utf_16(u16::to_be_bytes),
    ];
    for form in forms {
        match (read(&[(file.clone(), form)]), read_before) {
            (Ok(read), Ok(before)) => assert_eq!(read.to_json(), before.to_json()),
            (read, before) => assert_eq!(read.err().as_ref(), before.as_ref().err()),
        }
    }
}

/// The first document counts, whatever the others say.
fn check_documents((file, text): &File, read_before: &Result<Kubeconfig, String>) {
    let Ok(text) = str::from_utf8(text) else {
        return;
    };
    // A text of JSON may be none of YAML.
    if read_before.is_err() || text.trim_start().starts_with('{') {
        return;
    }
    let line = format!("{text}\n");
    let Ok(first) = read(&[(file.clone(), line.clone().into_bytes())]) else {
        return;
    };
    let first = first.to_json();
    if first == Kubeconfig::read(&[]).expect("nothing is wrong").to_json() {
        return; // The first document may be the next one.
    }
    for next in ["clusters: 1\n", "]\n", "a: b: c\n"] {
        let longer = format!("{line}---\n{next}").into_bytes();
        let longer =
            read(&[(file.clone(), longer)]).unwrap_or_else(|error| panic!("{error}: {next}"));
        assert_eq!(longer.to_json(), first, "{next}");
    }
}

/// Of two entries of a name the first counts, as a whole.
fn check_merged(each: &[Value], whole: &Value) {
    let current = each
        .iter()
        .map(|one| &one["current-context"])
        .find(|current| !current.is_null());
    assert_eq!(&whole["current-context"], current.unwrap_or(&Value::Null));
    for list in ["clusters", "users", "contexts"] {
        let mut first = BTreeMap::new();
        for entry in each
            .iter()
            .flat_map(|one| one[list].as_array().expect("a list"))
        {
            first.entry(entry["name"].as_str()).or_insert(entry);
        }
        let entries: BTreeMap<_, _> = whole[list]
            .as_array()
            .expect("a list")
            .iter()
            .map(|entry| (entry["name"].as_str(), entry))
            .collect();
        assert_eq!(entries, first);
    }
}

/// What was understood, and is written and read again, is the same.
fn check_written(each: &[Value], whole: &Value) -> Kubeconfig {
    let texts: Vec<String> = each.iter().map(Value::to_string).collect();
    if texts.iter().all(|text| is_yaml(text)) && depth(whole) < 50 {
        let texts: Vec<Vec<u8>> = texts
            .iter()
            .map(|text| format!("# YAML\n{text}").into_bytes())
            .collect();
        assert_eq!(&read(&named(&texts)).expect("it is YAML").to_json(), whole);
    }
    let texts: Vec<Vec<u8>> = texts.into_iter().map(String::into_bytes).collect();
    let again = read(&named(&texts)).expect("it was accepted before");
    assert_eq!(&again.to_json(), whole);
    again
}

/// Returns true if no file is named that is not ours, and no program is run.
fn is_harmless(whole: &Value) -> bool {
    let all = |list: &str, kind: &str| -> Vec<Value> {
        let list = whole[list].as_array().expect("a list").iter();
        list.map(|entry| entry[kind].clone()).collect()
    };
    let is_ours = |entry: &Value, keys: &[&str]| {
        let mut paths = keys.iter().filter_map(|key| entry[key].as_str());
        paths.all(|path| path.is_empty() || files().has(path))
    };
    all("clusters", "cluster")
        .iter()
        .all(|cluster| is_ours(cluster, &["certificate-authority"]))
        && all("users", "user").iter().all(|user| {
            is_ours(user, &["client-certificate", "client-key", "tokenFile"])
                && user["auth-provider"]["name"] != "gcp"
        })
}

/// Finds out how to reach a cluster; messages and logs are fit to be read.
fn reach(kubeconfig: &Kubeconfig, context: Option<&str>) -> Result<Reached, String> {
    thread_local! {
        static RUNTIME: Runtime =
            tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
    }
    let reached = in_time(|| RUNTIME.with(|runtime| runtime.block_on(kubeconfig.reach(context))));
    for line in log().take() {
        check_message(&line);
        check_secrecy(&line);
    }
    reached.map_err(|error| {
        let message = error.to_string();
        check_message(&message);
        check_secrecy(&message);
        let begin = format!("`{}", files().folder().display());
        assert!(message.starts_with(&begin), "it names no file: {message}");
        message
    })
}

fn summary(reached: Result<Reached, String>) -> Result<String, String> {
    reached.map(|reached| reached.access)
}

/// What the documentation of `Cluster` says of servers, proxies and credentials.
fn check_reached(reached: &Reached, whole: &Value, context: Option<&str>) {
    let find = |list: &str, kind: &str, name: &Value| {
        let list = whole[list].as_array().expect("a list");
        let entry = list.iter().find(|entry| &entry["name"] == name);
        entry.map_or(Value::Null, |entry| entry[kind].clone())
    };
    let current = context.map_or_else(|| whole["current-context"].clone(), Value::from);
    let context = find("contexts", "context", &current);
    let cluster = find("clusters", "cluster", &context["cluster"]);
    let is_set = |key: &str| cluster[key].as_str().is_some_and(|text| !text.is_empty());
    let server = cluster["server"].as_str().expect("a server");
    if !server.contains("://") {
        let is_authority_set =
            is_set("certificate-authority") || is_set("certificate-authority-data");
        let is_skipped = cluster["insecure-skip-tls-verify"] == true;
        assert_eq!(reached.server.is_https, is_authority_set || is_skipped);
    }
    assert!(
        reached.server.is_https || !reached.has_credentials,
        "credentials over plain HTTP"
    );
    assert_eq!(reached.proxy.is_some(), is_set("proxy-url"));
    let request = reached
        .server
        .request
        .as_deref()
        .expect("requests have an address");
    assert!(request.ends_with("/api?limit=1"), "{request}");
}

/// Puts the secret wherever a secret stands, and looks for it in messages and logs.
fn check_secrets(mut each: Vec<Value>, contexts: &[Option<&str>]) {
    for kubeconfig in &mut each {
        plant(kubeconfig);
    }
    let texts: Vec<Vec<u8>> = each
        .iter()
        .map(|one| one.to_string().into_bytes())
        .collect();
    let planted = read(&named(&texts)).expect("it was accepted before");
    for context in contexts {
        let _ = reach(&planted, *context);
    }
}

fn plant(kubeconfig: &mut Value) {
    let edit = |value: &mut Value, edit: &dyn Fn(&str) -> String| {
        if let Value::String(text) = value
            && !text.is_empty()
        {
            *text = edit(text);
        }
    };
    for cluster in kubeconfig["clusters"].as_array_mut().expect("a list") {
        for key in ["server", "proxy-url"] {
            edit(&mut cluster["cluster"][key], &|url| {
                with_password(url, SECRET)
            });
        }
    }
    for user in kubeconfig["users"].as_array_mut().expect("a list") {
        let user = &mut user["user"];
        edit(&mut user["token"], &with_secret);
        edit(&mut user["password"], &with_secret);
        edit(
            &mut user["client-key-data"],
            &|data| match BASE64_STANDARD.decode(data) {
                Ok(key) => BASE64_STANDARD.encode([SECRET.as_bytes(), &key].concat()),
                Err(_) => with_secret(data),
            },
        );
        if let Some(Value::Object(config)) = user.pointer_mut("/auth-provider/config") {
            config
                .values_mut()
                .for_each(|value| edit(value, &with_secret));
        }
        if let Some(Value::Array(variables)) = user.pointer_mut("/exec/env") {
            variables
                .iter_mut()
                .for_each(|variable| edit(&mut variable["value"], &with_secret));
        }
    }
}

fn has_fraction(value: &Value) -> bool {
    match value {
        Value::Number(number) => number.is_f64(),
        Value::Array(list) => list.iter().any(has_fraction),
        Value::Object(members) => members.values().any(has_fraction),
        _ => false,
    }
}

fn depth(value: &Value) -> usize {
    match value {
        Value::Array(list) => 1 + list.iter().map(depth).max().unwrap_or_default(),
        Value::Object(members) => 1 + members.values().map(depth).max().unwrap_or_default(),
        _ => 0,
    }
}
