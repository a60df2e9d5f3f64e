//! Which configuration counts.

use std::{ffi::OsString, path::PathBuf};

use super::*;

fn listed(files: &[&Path]) -> Environment {
    Environment {
        kubeconfig: Some(std::env::join_paths(files).expect("no colon")),
        ..Environment::default()
    }
}

/// A pod's environment in this folder.
fn pod(folder: &Folder) -> Environment {
    let service_account = folder.path("account");
    folder.file("account/token", "t");
    Environment {
        home: Some(folder.path("home")),
        service_host: Some("10.0.0.1".to_owned()),
        service_port: Some("443".to_owned()),
        service_account,
        ..Environment::default()
    }
}

fn server(cluster: &Cluster, environment: &Environment) -> Result<String, String> {
    let access = cluster.access(environment);
    access
        .map(|access| access.server.to_string())
        .map_err(|error| error.to_string())
}

const CLUSTER: &str = "server: 'https://configured'";

#[test]
fn listed_file_that_does_not_exist_is_passed_over() {
    let folder = Folder::new();
    let good = folder.config(CLUSTER, "");
    let environment = listed(&[&folder.path("nope"), &good]);

    assert_eq!(
        server(&Cluster::find(), &environment).as_deref(),
        Ok("https://configured")
    );
}

#[test]
fn kubeconfig_that_was_asked_for_and_does_not_work_is_an_error_also_in_a_pod() {
    let folder = Folder::new();
    let empty = folder.file("empty", "");
    let broken = folder.file("broken", "users: [");
    let no_context = folder.file("no-context", "users: [{name: u}]");
    let directory = folder.path("");
    let missing = folder.path("missing");
    for (file, expected) in [
        (&empty, "the kubeconfig is empty"),
        (&broken, "it is not a valid kubeconfig: see line"),
        (&no_context, "`current-context` is not set"),
        (&directory, "the kubeconfig cannot be read: Is a directory"),
        (&missing, "there is no such file"),
    ] {
        let environment = Environment {
            kubeconfig: Some(OsString::from(file)),
            ..pod(&folder)
        };
        for cluster in [Cluster::find(), Cluster::kubeconfig(file)] {
            let error = server(&cluster, &environment).expect_err(expected);

            let begin = format!("`{}`: {expected}", file.display());
            assert!(error.starts_with(&begin), "{error}");
        }
    }
}

#[test]
fn default_file_counts_before_the_pod_if_it_says_something() {
    let folder = Folder::new();
    let environment = pod(&folder);
    let cases = [
        (None, Ok("https://10.0.0.1:443")),
        (Some(""), Ok("https://10.0.0.1:443")),
        (Some("users: [{name: u}]"), Ok("https://10.0.0.1:443")),
        (Some("users: ["), Err("it is not a valid kubeconfig")),
        (Some("current-context: x"), Err("there is no such context")),
        (
            Some(
                "current-context: a\ncontexts: [{name: a, context: {cluster: a}}]\nclusters: [{name: a, cluster: {server: 'https://a'}}]",
            ),
            Ok("https://a"),
        ),
    ];
    for (text, expected) in cases {
        if let Some(text) = text {
            folder.file("home/.kube/config", text);
        }

        let found = server(&Cluster::find(), &environment);

        match expected {
            Ok(expected) => assert_eq!(found.as_deref(), Ok(expected)),
            Err(expected) => {
                let error = found.expect_err(expected);
                assert!(error.contains(expected), "{error}");
            }
        }
    }
}

/// As with `KUBECONFIG=<(sops -d config)`: it can be read once, and not looked at before.
#[cfg(unix)]
#[test]
fn file_may_be_a_pipe() {
    let folder = Folder::new();
    let text = fs::read(folder.config(CLUSTER, "")).expect("written");
    let pipe = folder.path("pipe");
    let made = std::process::Command::new("mkfifo").arg(&pipe).status();
    assert!(made.expect("mkfifo runs").success());
    let written = pipe.clone();
    let writer = std::thread::spawn(move || fs::write(written, text));

    let found = server(&Cluster::find(), &listed(&[&pipe]));

    assert_eq!(found.as_deref(), Ok("https://configured"));
    writer.join().expect("no panic").expect("written");
}

#[cfg(unix)]
#[test]
fn default_file_that_cannot_be_read_is_an_error_also_in_a_pod() {
    let folder = Folder::new();
    let environment = pod(&folder);
    fs::create_dir(folder.path("home")).expect("a folder");
    // A link to itself fails also for root, for whom no permission is missing.
    std::os::unix::fs::symlink(".kube", folder.path("home/.kube")).expect("a link");

    let error = server(&Cluster::find(), &environment).expect_err("it cannot be read");

    assert!(
        error.contains(".kube/config`: the kubeconfig cannot be read: "),
        "{error}"
    );
}

#[test]
fn nothing_at_all_is_said_so() {
    let folder = Folder::new();
    let environment = Environment {
        home: Some(folder.path("home")),
        ..Environment::default()
    };

    let error = Cluster::find().access(&environment).expect_err("nothing");

    assert!(matches!(error, ClusterError::NotConfigured), "{error}");
}

#[test]
fn context_is_chosen_among_all_files() {
    let folder = Folder::new();
    let first = folder.config(CLUSTER, "");
    let second = folder.file(
        "second",
        "contexts: [{name: other, context: {cluster: o}}]\nclusters: [{name: o, cluster: {server: 'https://other'}}]",
    );
    let environment = listed(&[&first, &second]);

    let other = Cluster::find().context("other");

    assert_eq!(server(&other, &environment).as_deref(), Ok("https://other"));
}

#[test]
fn error_of_a_file_is_that_of_its_entry() {
    let folder = Folder::new();
    let file: PathBuf = folder.config("server: ''", "");

    let error = server(&Cluster::kubeconfig(&file), &Environment::default());

    let expected = format!(
        "`{}`, cluster `c`: it has no `server`: write `server: https://host:port`",
        file.display()
    );
    assert_eq!(error, Err(expected));
}
