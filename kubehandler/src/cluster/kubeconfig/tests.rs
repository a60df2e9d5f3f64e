use secrecy::ExposeSecret;

use super::*;
use crate::cluster::tests::Folder;

const WHOLE: &str = r"
apiVersion: v1
kind: Config
current-context: dev
clusters: [{name: a, cluster: {server: 'https://a', certificate-authority: pki/ca.pem}}]
users: [{name: u, user: {token: t, exec: {command: ./bin/get, args: null}}}]
contexts: [{name: dev, context: {cluster: a, user: u, namespace: shop}}]
";

fn read(files: &[&Path]) -> Result<Kubeconfig, String> {
    let files: Vec<PathBuf> = files.iter().map(|file| file.to_path_buf()).collect();
    Kubeconfig::read(&files).map_err(|error| error.to_string())
}

#[test]
fn first_file_that_says_something_has_it() {
    let folder = Folder::new();
    let first = folder.file(
        "first",
        "users: [{name: u, user: {token: first}}]\ncurrent-context: other",
    );
    let whole = folder.file("whole", WHOLE);
    let empty = folder.file("empty", "# nothing\n");
    let missing = folder.path("missing");

    let merged = read(&[&missing, &empty, &first, &whole]).expect("they can be read");

    let token = merged.users["u"].value.token.as_ref().expect("a token");
    assert_eq!(token.expose_secret(), "first");
    assert!(
        merged.users["u"].value.exec.is_none(),
        "an entry counts whole"
    );
    assert_eq!(merged.users["u"].file, first);
    assert_eq!(merged.clusters["a"].value.server, "https://a");
    assert_eq!(merged.clusters["a"].file, whole);
    assert_eq!(merged.current_context.as_deref(), Some("other"));
    assert_eq!(*merged.files, [empty, first, whole]);
}

#[test]
fn paths_are_relative_to_their_own_file() {
    let folder = Folder::new();
    let file = folder.file("sub/config", WHOLE);
    let whole = read(&[&file]).expect("it can be read");

    let authority = &whole.clusters["a"].value.certificate_authority;
    let exec = whole.users["u"].value.exec.as_ref().expect("a plugin");

    assert_eq!(Path::new(authority), folder.path("sub/pki/ca.pem"));
    assert_eq!(Path::new(&exec.command), folder.path("sub/bin/get"));
    assert!(exec.args.is_empty());
}

#[test]
fn every_form_of_the_text_is_read() {
    let utf_16 = |encode: fn(u16) -> [u8; 2]| -> Vec<u8> {
        let units = format!("\u{feff}{WHOLE}");
        units.encode_utf16().flat_map(encode).collect()
    };
    let json = r#"{"clusters": [{"name": "a", "cluster": {"server": "https://a"}}],
        "contexts": [{"name": "dev", "context": {"cluster": "a"}}], "users": null,
        "current-context": "dev", "preferences": {}, "extensions": null, "new-field": [1]}"#;
    let forms: [(&str, Vec<u8>); 10] = [
        ("plain", WHOLE.into()),
        ("bom", format!("\u{feff}{WHOLE}").into()),
        ("utf-16le", utf_16(u16::to_le_bytes)),
        ("utf-16be", utf_16(u16::to_be_bytes)),
        ("crlf", WHOLE.replace('\n', "\r\n").into()),
        ("json", json.into()),
        ("json with tabs", json.replace("        ", "\t").into()),
        ("documents", format!("---{WHOLE}---\nkind: Other\n").into()),
        ("other lists", format!("{WHOLE}---\nclusters: 1\n").into()),
        ("no YAML after", format!("{WHOLE}---\n]\n").into()),
    ];
    let folder = Folder::new();
    for (name, bytes) in forms {
        let file = folder.file(name, bytes);

        let read = read(&[&file]).expect(name);

        assert_eq!(read.clusters["a"].value.server, "https://a", "{name}");
        assert_eq!(read.current_context.as_deref(), Some("dev"), "{name}");
    }
}

#[test]
fn null_and_missing_members_are_empty() {
    let folder = Folder::new();
    let file = folder.file(
        "nulls",
        "clusters: [{name: a, cluster: null}, {name: b}]\ncontexts: [{name: c, context: {cluster: null}}]\n\
         users: [{name: u, user: {exec: null, as-groups: null, token: null, as-user-extra: null}}]\n\
         current-context: null\n",
    );

    let read = read(&[&file]).expect("it can be read");

    assert_eq!(read.clusters.len(), 2);
    assert_eq!(read.contexts["c"].value.cluster, "");
    assert!(read.users["u"].value.token.is_none());
    assert_eq!(read.current_context, None);
}

#[test]
fn what_cannot_be_read_is_named_and_not_quoted() {
    let folder = Folder::new();
    let directory = folder.path("");
    let cases: [(&Path, &str); 7] = [
        (&folder.file("yaml", "users: [hunter2"), "see line"),
        (
            &folder.file("type", "users: {token: hunter2}"),
            "see line 1",
        ),
        (
            &folder.file("binary", b"\xff\xf0hunter2"),
            "neither UTF-8 nor UTF-16",
        ),
        (
            &folder.file("kind", "kind: Pod\napiVersion: v1"),
            "its kind is `Pod` of `v1`",
        ),
        (
            &folder.file("twice", "users: [{name: u}, {name: u}]"),
            "two entries of the name `u`",
        ),
        (&directory, "cannot be read"),
        (&folder.path("missing"), "there is no such file"),
    ];
    for (file, expected) in cases {
        let error = read(&[file]).expect_err(expected);

        let begin = format!("`{}`: ", file.display());
        assert!(error.starts_with(&begin), "{error}");
        assert!(error.contains(expected), "{error}");
        assert!(!error.contains("hunter2"), "{error}");
    }
}
