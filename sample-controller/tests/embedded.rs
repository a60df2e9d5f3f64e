//! The first run of a newcomer: no cluster, no kubeconfig, and there is something to see.

use std::{
    io::{BufRead as _, BufReader},
    path::Path,
    process::{Child, Command, Stdio},
};

/// The program in a home without a kubeconfig; killed when dropped.
struct Sample(Child);

fn sample() -> Command {
    let mut sample = Command::new(env!("CARGO_BIN_EXE_sample-controller"));
    sample
        .env_remove("KUBECONFIG")
        .env_remove("KUBERNETES_SERVICE_HOST")
        .env_remove("RUST_LOG")
        .env("HOME", Path::new("/nonexistent"))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    sample
}

impl Sample {
    fn start(arguments: &[&str]) -> Self {
        Self(sample().args(arguments).spawn().expect("it starts"))
    }

    fn lines(&mut self) -> impl Iterator<Item = String> {
        let out = self.0.stdout.take().expect("it is piped");
        BufReader::new(out).lines().map_while(Result::ok)
    }
}

impl Drop for Sample {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn first_run_needs_no_cluster_and_logs_pods_that_come_and_change() {
    for arguments in [&[][..], &["--cluster", "embedded"]] {
        let mut sample = Sample::start(arguments);
        let mut lines = sample.lines();

        let first = lines.next().expect("a line");
        assert!(first.contains("this is the embedded API server"), "{first}");

        assert!(lines.any(|line| line.contains("pod added")), "no pod comes");
        assert!(
            lines.any(|line| line.contains("pod updated") && line.contains("Running")),
            "no pod gets ready"
        );
    }
}

#[test]
fn output_that_is_closed_does_no_harm() {
    let mut sample = Sample::start(&[]);
    // Before, a signal ends it as it ends any program.
    let is_started = sample.lines().any(|line| line.contains("started"));
    assert!(is_started, "the pipe is closed after that line");
    drop(sample.0.stderr.take());

    // The end is logged, and pods that come and go meanwhile.
    let id = sample.0.id().to_string();
    let killed = Command::new("kill").args(["-TERM", &id]).status();
    assert!(killed.expect("it runs").success());
    let status = sample.0.wait().expect("it is waited for once");

    assert_eq!(status.code(), Some(0), "{status}");
}

#[test]
fn kubeconfig_that_does_not_work_is_an_error() {
    let path = std::env::temp_dir().join(format!(
        "kubehandler-broken-{}.kubeconfig",
        std::process::id()
    ));
    std::fs::write(&path, "apiVersion: v1\nkind: Config\n").expect("it can be written");
    let by_variable = sample().env("KUBECONFIG", &path).output().expect("it runs");
    let by_flag = sample()
        .arg("--kubeconfig")
        .arg(&path)
        .output()
        .expect("it runs");
    let missing = sample()
        .args(["--cluster", "kubeconfig"])
        .output()
        .expect("it runs");
    let no_pod = sample()
        .args(["--cluster", "incluster"])
        .output()
        .expect("it runs");
    std::fs::remove_file(&path).expect("it is there");

    for output in [by_variable, by_flag, missing, no_pod] {
        let log = String::from_utf8_lossy(&output.stdout);
        assert_eq!(output.status.code(), Some(3), "{log}");
        assert!(!log.contains("embedded API server,"), "fell back: {log}");
        assert!(log.contains("ERROR"), "{log}");
    }
}

#[test]
fn kubeconfig_beside_another_cluster_is_refused() {
    let output = sample()
        .args(["--cluster", "embedded", "--kubeconfig", "x"])
        .output()
        .expect("it runs");

    let log = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(3), "{log}");
    assert!(log.contains("need `--cluster kubeconfig`"), "{log}");
}
