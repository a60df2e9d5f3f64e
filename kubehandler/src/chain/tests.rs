use std::fmt;

use kube::{
    Client, Config,
    config::{KubeConfigOptions, Kubeconfig},
};

use super::*;
use crate::HandlerError;

const SECRET: &str = "hunter2";

/// An error that repeats its cause, as those of `kube` do.
#[derive(Debug)]
struct Repeats<E>(E);

impl<E: fmt::Display> fmt::Display for Repeats<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "outer: {}", self.0)
    }
}

impl<E: Error + 'static> Error for Repeats<E> {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&self.0)
    }
}

/// The error of a client whose credentials come from this shell script.
async fn error_of_plugin(script: &str) -> kube::Error {
    let kubeconfig = serde_json::json!({
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "c",
        "clusters": [{"name": "c", "cluster": {"server": "http://127.0.0.1:1"}}],
        "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
        "users": [{"name": "u", "user": {"exec": {
            "apiVersion": "client.authentication.k8s.io/v1",
            "command": "sh",
            "args": ["-c", script],
            "env": [{"name": "PASSWORD", "value": SECRET}],
            "interactiveMode": "Never",
        }}}],
    });
    let kubeconfig = Kubeconfig::from_yaml(&kubeconfig.to_string()).expect("a kubeconfig");
    let config = Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await;
    match Client::try_from(config.expect("a configuration")) {
        Ok(_) => panic!("the plugin does not work"),
        Err(error) => error,
    }
}

#[test]
fn causes_are_told_once() {
    let inner = std::io::Error::other("connection refused");
    let outer = std::io::Error::other(inner);

    assert_eq!(chain(&outer), "connection refused");
}

#[tokio::test]
async fn output_and_command_of_a_failed_credentials_plugin_are_left_out() {
    let error = error_of_plugin("echo token: hunter2; echo hunter2 >&2; exit 3").await;
    assert!(error.to_string().contains(SECRET), "kube prints it");

    let text = chain(&Repeats(kube::Error::Service(Box::new(error))));

    assert!(
        text.contains("the credentials plugin failed with exit status: 3; run it by hand"),
        "{text}"
    );
    assert!(!text.contains(SECRET), "{text}");
}

#[tokio::test]
async fn output_of_a_credentials_plugin_that_cannot_be_read_is_left_out() {
    for script in [
        "echo 'status: {token: hunter2'",
        "echo '{\"status\": \"hunter2\"}'",
        "echo hunter2",
    ] {
        let error = error_of_plugin(script).await;

        let text = chain(&error);

        assert!(text.contains("it is no `ExecCredential`"), "{text}");
        assert!(!text.contains(SECRET), "{text}");
    }
}

#[test]
fn text_of_a_kubeconfig_that_cannot_be_read_is_left_out() {
    for yaml in [
        "users: hunter2",
        "users:\n- name: u\n  user:\n    token: [hunter2\n",
        "users:\n- name: u\n  user: {token: {hunter2: 1}}\n",
    ] {
        let error = Kubeconfig::from_yaml(yaml).expect_err("it is none");

        let text = chain(&kube::Error::InferKubeconfig(error));

        assert!(
            text.contains("failed to parse kubeconfig YAML: see line"),
            "{text}"
        );
        assert!(!text.contains(SECRET), "{text}");
        assert!(!text.contains('\n'), "{text}");
    }
}

#[test]
fn values_of_a_response_that_does_not_decode_are_left_out() {
    let response = r#"{"metadata":{"name":"a"},"data":"hunter2"}"#;
    let error = serde_json::from_str::<crate::k8s::Secret>(response).expect_err("no map");
    assert!(error.to_string().contains(SECRET), "serde prints it");

    let text = HandlerError::from(kube::Error::SerdeError(error)).to_string();

    assert_eq!(
        text,
        "Error deserializing response: invalid type at line 1 column 41"
    );
}

#[test]
fn status_is_told_once() {
    let status = kube::core::Status::failure("pods \"a\" not found", "NotFound").with_code(404);
    let error = kube::Error::Api(status.boxed());
    assert!(error.to_string().contains("Status {"), "kube prints it");

    assert_eq!(chain(&error), "pods \"a\" not found: NotFound");
    assert_eq!(
        chain(&Repeats(error)),
        "outer: pods \"a\" not found: NotFound"
    );
}

#[test]
fn errors_that_quote_no_secrets_are_as_they_were() {
    let error = Repeats(kube::Error::LinesCodecMaxLineLengthExceeded);

    assert!(!quotes_secrets(&error));
    assert_eq!(chain(&error), "outer: Error finding newline character");
}
