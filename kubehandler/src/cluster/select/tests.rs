use std::path::PathBuf;

use super::*;
use crate::cluster::tests::Folder;

/// Reads this kubeconfig, and selects a context of it.
fn access(yaml: &str, context: Option<&str>) -> (Result<Access>, PathBuf) {
    let folder = Folder::new();
    folder.file("ca.pem", "x");
    folder.file("key.pem", "x");
    let file = folder.file("config", yaml);
    let kubeconfig = Kubeconfig::read(std::slice::from_ref(&file)).expect("it can be read");
    (select(&kubeconfig, context, &Environment::default()), file)
}

/// A kubeconfig whose current context has this cluster and this user.
fn config(cluster: &str, user: &str) -> String {
    format!(
        "current-context: dev\ncontexts: [{{name: dev, context: {{cluster: c, user: u}}}}, {{name: b, context: {{cluster: z}}}}]\n\
         clusters: [{{name: c, cluster: {{{cluster}}}}}]\nusers: [{{name: u, user: {{{user}}}}}]\n"
    )
}

fn select_ok(cluster: &str, user: &str) -> Access {
    access(&config(cluster, user), None)
        .0
        .expect("it can be used")
}

fn refused(yaml: &str, context: Option<&str>) -> String {
    let (access, file) = access(yaml, context);
    let error = access.expect_err("it cannot be used").to_string();
    let begin = format!("`{}`", file.display());
    assert!(error.starts_with(&begin), "{error}");
    error[begin.len()..].to_owned()
}

const SERVER: &str = "server: 'https://a:6443'";

#[test]
fn contexts_that_do_not_exist_are_named_with_those_that_do() {
    let whole = config(SERVER, "token: t");
    let cases = [
        (
            whole.replace("current-context: dev", ""),
            None,
            ": `current-context` is not set: choose one with `kubectl config use-context`; its contexts are `b`, `dev`",
        ),
        (
            whole.replace("current-context: dev", "current-context: x"),
            None,
            ", context `x`: there is no such context; its contexts are `b`, `dev`",
        ),
        (
            whole.clone(),
            Some("x"),
            ", context `x`: there is no such context; its contexts are `b`, `dev`",
        ),
        (
            whole.clone(),
            Some("b"),
            ", context `b`: its cluster `z` does not exist; its clusters are `c`",
        ),
        (
            whole.replace("cluster: c", "cluster: ''"),
            None,
            ", context `dev`: it names no cluster; its clusters are `c`",
        ),
        (
            "kind: Config".to_owned(),
            None,
            ": the kubeconfig is empty: it names no cluster",
        ),
    ];
    for (yaml, context, expected) in cases {
        assert_eq!(refused(&yaml, context), expected);
    }
}

#[test]
fn user_that_does_not_exist_is_nobody() {
    let whole = config(SERVER, "token: t");
    let nobody = whole.replace("user: u", "user: x");

    let access = access(&nobody, None).0.expect("as kubectl");

    assert!(access.credentials.is_none());
}

#[test]
fn entries_that_contradict_themselves_are_refused() {
    let plugin = |rest: &str| {
        format!("exec: {{apiVersion: client.authentication.k8s.io/v1, command: x{rest}}}")
    };
    let cluster = [
        ("", "it has no `server`"),
        ("server: 'ftp://a'", "which is neither of https nor of http"),
        (
            "server: 'https://a', proxy-url: 'ftp://p'",
            "`proxy-url`: the scheme of the proxy is `ftp`",
        ),
        (
            "server: 'https://a', proxy-url: 'p:1'",
            "`proxy-url`: the scheme",
        ),
        (
            "server: 'https://a', certificate-authority: nope.pem",
            "its `certificate-authority` `",
        ),
        (
            "server: 'https://a', certificate-authority-data: '*'",
            "`certificate-authority-data` is no base64",
        ),
        (
            "server: 'https://a', certificate-authority: ca.pem, certificate-authority-data: eA==",
            "are both set",
        ),
        (
            "server: 'https://a', certificate-authority: ca.pem, insecure-skip-tls-verify: true",
            "contradicts",
        ),
    ];
    for (cluster, expected) in cluster {
        let error = refused(&config(cluster, ""), None);
        assert!(error.starts_with(", cluster `c`: "), "{error}");
        assert!(error.contains(expected), "{error}");
    }
    let user = [
        ("client-certificate: ca.pem".to_owned(), "without its key"),
        ("client-certificate: nope".to_owned(), "cannot be read"),
        (
            "client-certificate: ca.pem, client-key: nope".to_owned(),
            "`client-key`",
        ),
        (
            "client-certificate: ca.pem, client-key: key.pem, client-key-data: eA==".to_owned(),
            "are both set",
        ),
        ("token: t, username: u".to_owned(), "a token and a password"),
        ("as-groups: [a]".to_owned(), "set `as` as well"),
        (
            "exec: {apiVersion: client.authentication.k8s.io/v1}".to_owned(),
            "has no `command`",
        ),
        (
            "exec: {command: x}".to_owned(),
            "the `apiVersion` of its `exec` is ``",
        ),
        (
            "exec: {command: x, apiVersion: client.authentication.k8s.io/v1alpha1}".to_owned(),
            "v1alpha1`: write",
        ),
        (plugin(""), "has no `interactiveMode`"),
        (
            plugin(", interactiveMode: Maybe"),
            "`interactiveMode` of its `exec` is `Maybe`",
        ),
        (
            plugin(", interactiveMode: Never, env: [{value: x}]"),
            "has no `name`",
        ),
        (
            plugin(", interactiveMode: Never") + ", auth-provider: {name: oidc}",
            "`exec` and `auth-provider`",
        ),
    ];
    for (user, expected) in user {
        let error = refused(&config(SERVER, &user), None);
        assert!(error.starts_with(", user `u`: "), "{error}");
        assert!(error.contains(expected), "{error}");
    }
}

#[test]
fn a_user_proves_itself_in_the_order_of_kubectl() {
    let plugin = "exec: {apiVersion: client.authentication.k8s.io/v1beta1, command: x}";
    let certificate = "client-certificate: ca.pem, client-key: key.pem";
    for (user, expected) in [
        (format!("token: t, tokenFile: ca.pem, {plugin}"), "Token"),
        (format!("username: u, password: p, {plugin}"), "Basic"),
        (format!("{certificate}, {plugin}"), "None"),
        (plugin.to_owned(), "Plugin"),
        (
            "auth-provider: {name: oidc, config: {id-token: hunter2}}".to_owned(),
            "Provider",
        ),
        (String::new(), "None"),
    ] {
        let access = select_ok(SERVER, &user);

        let shown = format!("{access:?}");
        assert!(
            format!("{:?}", access.credentials).starts_with(expected),
            "{user}"
        );
        assert!(!shown.contains("hunter2"), "{shown}");
        assert_eq!(access.tls.identity.is_some(), user.contains(certificate));
    }
}

#[test]
fn user_of_the_address_counts_if_there_is_no_other() {
    for (user, expected) in [("", "Basic"), ("token: t", "Token")] {
        let access = select_ok("server: 'https://u%40x:p@a'", user);

        assert!(format!("{:?}", access.credentials).starts_with(expected));
    }
}

#[test]
fn plugin_is_told_of_its_cluster_if_it_asks() {
    let cluster = "server: 'https://a', certificate-authority: ca.pem, tls-server-name: n, proxy-url: 'http://p:1',\
                   extensions: [{name: client.authentication.k8s.io/exec, extension: {audience: x}}]";
    let plugin = "exec: {apiVersion: client.authentication.k8s.io/v1beta1, command: x, provideClusterInfo: true}";

    let access = select_ok(cluster, plugin);

    let Credentials::Plugin { cluster, .. } = access.credentials else {
        panic!("it is a plugin");
    };
    let expected = json!({
        "server": "https://a",
        "tls-server-name": "n",
        "proxy-url": "http://p:1",
        "certificate-authority-data": "eA==",
        "config": {"audience": "x"},
    });
    assert_eq!(cluster, Some(expected));
}

#[test]
fn base64_may_have_line_ends() {
    let access = select_ok(
        "server: 'https://a', certificate-authority-data: \"QUFB\\nQkJC\\r\\n\"",
        "",
    );

    let Roots::Pem(text, _) = access.tls.roots else {
        panic!("it has authorities");
    };
    assert_eq!(text.read().expect("inline"), "AAABBB");
}
