//! Plugins, and tokens in files.

use std::os::unix::fs::PermissionsExt;

use super::{
    server::{Asked, DENIED, OK},
    *,
};

/// A server that accepts these tokens one after the other, each for this many requests.
async fn taking(tokens: &'static [(&'static str, usize)]) -> Fake {
    let state = std::sync::Mutex::new((0, 0));
    Fake::answering(None, move |asked: &Asked| {
        let mut state = state.lock().expect("no panic");
        let (turn, times) = &mut *state;
        let Some((token, most)) = tokens.get(*turn) else {
            return DENIED.to_owned();
        };
        if asked.header("authorization") != Some(&*format!("Bearer {token}")) {
            return DENIED.to_owned();
        }
        *times += 1;
        if *times == *most {
            (*turn, *times) = (*turn + 1, 0);
        }
        OK.to_owned()
    })
    .await
}

/// A plugin that runs this script, noting each run in the file `runs`.
fn plugin(folder: &Folder, script: &str, rest: &str) -> String {
    let runs = folder.path("runs");
    let text = format!("#!/bin/sh\necho run >>{}\n{script}\n", runs.display());
    let file = folder.file("bin/plugin", text);
    let mut permissions = fs::metadata(&file).expect("it is there").permissions();
    permissions.set_mode(0o755);
    fs::set_permissions(&file, permissions).expect("set");
    format!(
        "exec: {{apiVersion: client.authentication.k8s.io/v1, command: ./bin/plugin, interactiveMode: Never{rest}}}"
    )
}

fn runs(folder: &Folder) -> usize {
    let runs = fs::read_to_string(folder.path("runs"));
    runs.map_or(0, |runs| runs.lines().count())
}

fn credential(status: &str) -> String {
    format!(
        r#"{{"kind":"ExecCredential","apiVersion":"client.authentication.k8s.io/v1","status":{{{status}}}}}"#
    )
}

async fn client_of(folder: &Folder, server: &Fake, user: &str) -> Result<Client, String> {
    let file = folder.config(&format!("server: 'http://{}'", server.address), user);
    let cluster = Cluster::kubeconfig(file).credentials_over_http();
    let client = connect_in(&cluster, &Environment::default()).await;
    client.map_err(|error| error.to_string())
}

async fn status(client: &Client) -> u16 {
    get(client, "/api")
        .await
        .expect("an answer")
        .status()
        .as_u16()
}

#[tokio::test]
async fn plugin_runs_once_until_the_server_refuses_what_it_gave() {
    let folder = Folder::new();
    let server = taking(&[("A", 3), ("B", 2)]).await;
    folder.file("token", "A");
    let script = format!(
        "sed 's/T/'$(cat {})'/' <<E\n{}\nE",
        folder.path("token").display(),
        credential(r#""token":"T","expirationTimestamp":"2999-01-01T00:00:00Z""#)
    );
    let user = plugin(&folder, &script, "");
    let client = client_of(&folder, &server, &user).await.expect("a client");
    let first = [
        status(&client).await,
        status(&client).await,
        status(&client).await,
    ];
    let runs_before = runs(&folder);
    folder.file("token", "B");

    let second = [status(&client).await, status(&client).await];

    assert_eq!(first, [200, 200, 200]);
    assert_eq!(runs_before, 1);
    assert_eq!(
        second,
        [401, 200],
        "the next request has what the plugin gives then"
    );
    assert_eq!(runs(&folder), 2);
}

#[tokio::test]
async fn requests_at_once_run_an_expired_plugin_once() {
    let folder = Folder::new();
    let server = Fake::plain().await;
    let script = format!(
        "if [ $(wc -l <{}) = 1 ]; then at=2000-01-01; else at=2999-01-01; fi; sleep 0.2; cat <<E\n{}\nE",
        folder.path("runs").display(),
        credential(r#""token":"A","expirationTimestamp":"'$at'T00:00:00Z""#)
            .replace("'$at'", "${at}")
    );
    let user = plugin(&folder, &script, "");
    let client = client_of(&folder, &server, &user).await.expect("a client");

    let asked = (0..8).map(|_| status(&client));
    let answers = futures::future::join_all(asked).await;

    assert_eq!(answers, [200; 8]);
    assert_eq!(runs(&folder), 2);
}

#[tokio::test]
async fn plugin_gets_what_it_is_promised() {
    let folder = Folder::new();
    let server = Fake::plain().await;
    let script = format!(
        "printf '%s' \"$KUBERNETES_EXEC_INFO\" >{}; test \"$A $1\" = 'b c' && cat <<E\n{}\nE",
        folder.path("info").display(),
        credential(r#""token":" A ""#)
    );
    let user = plugin(
        &folder,
        &script,
        ", env: [{name: A, value: b}], args: [c], provideClusterInfo: true",
    );

    let client = client_of(&folder, &server, &user).await.expect("a client");
    status(&client).await;

    let info = fs::read_to_string(folder.path("info")).expect("written");
    let info: serde_json::Value = serde_json::from_str(&info).expect("JSON");
    assert_eq!(info["kind"], "ExecCredential");
    assert_eq!(info["apiVersion"], "client.authentication.k8s.io/v1");
    assert_eq!(info["spec"]["interactive"], false);
    let address = format!("http://{}", server.address);
    assert_eq!(info["spec"]["cluster"]["server"], *address);
    assert_eq!(server.last().header("authorization"), Some("Bearer A"));
}

#[tokio::test]
async fn plugin_that_cannot_be_used_is_named_and_not_quoted() {
    let folder = Folder::new();
    let server = Fake::plain().await;
    let v1beta1 = credential(r#""token":"hunter2""#).replace("/v1", "/v1beta1");
    for (script, expected) in [
        (
            "echo hunter2; exit 3",
            "failed with exit code 3; run it by hand",
        ),
        ("echo hunter2", "printed no `ExecCredential`"),
        ("true", "printed no `ExecCredential`"),
        (
            &*format!("echo '{v1beta1}'"),
            "of `client.authentication.k8s.io/v1beta1`",
        ),
        (
            &format!("echo '{}'", credential("")),
            "neither a token nor a certificate",
        ),
        (
            &format!("echo '{}'", credential(r#""clientKeyData":"hunter2""#)),
            "a certificate or a key without the other",
        ),
        (
            &format!("echo '{}'", credential(r#""token":"hunter2\\nx""#)),
            "a token that no header can hold",
        ),
        ("yes hunter2", "prints more than 1048576 bytes"),
    ] {
        let user = plugin(&folder, script, "");

        let error = client_of(&folder, &server, &user)
            .await
            .err()
            .expect(expected);

        let command = folder.path("bin/plugin");
        let begin = format!(
            "`{}`, user `u`: the credentials plugin `{}` ",
            folder.path("config").display(),
            command.display()
        );
        assert!(error.starts_with(&begin), "{error}");
        assert!(error.contains(expected), "{error}");
        assert!(!error.contains("hunter2"), "{error}");
    }
}

#[tokio::test]
async fn plugin_that_is_not_installed_is_named_with_its_hint() {
    let folder = Folder::new();
    let server = Fake::plain().await;
    for (hint, expected) in [
        ("", "install it, or name it by its path"),
        (
            ", installHint: \"Install it\\n  with \\ex\"",
            r"Install it with \u{1b}x",
        ),
    ] {
        let user = format!(
            "exec: {{apiVersion: client.authentication.k8s.io/v1, command: no-such-plugin, interactiveMode: Never{hint}}}"
        );

        let error = client_of(&folder, &server, &user)
            .await
            .err()
            .expect("no plugin");

        let expected = format!(
            "user `u`: the credentials plugin `no-such-plugin` is not installed, or not found in PATH: {expected}"
        );
        assert!(error.ends_with(&expected), "{error}");
    }
}

#[tokio::test]
async fn plugin_that_must_ask_is_refused_without_a_terminal() {
    let folder = Folder::new();
    let server = Fake::plain().await;
    let user = "exec: {apiVersion: client.authentication.k8s.io/v1, command: 'true', interactiveMode: Always}";

    let error = client_of(&folder, &server, user).await.err();

    if !std::io::IsTerminal::is_terminal(&std::io::stdin()) {
        let error = error.expect("it cannot ask");
        assert!(error.contains("must ask a human"), "{error}");
    }
}

#[tokio::test]
async fn token_file_is_sent_without_its_line_end() {
    let folder = Folder::new();
    folder.file("tok", "A\n");
    let server = Fake::plain().await;

    let client = client_of(&folder, &server, "tokenFile: tok")
        .await
        .expect("a client");
    status(&client).await;

    assert_eq!(server.last().header("authorization"), Some("Bearer A"));
}

#[tokio::test]
async fn tokens_that_no_header_can_hold_are_refused() {
    let folder = Folder::new();
    let server = Fake::plain().await;
    folder.file("empty", " \n");
    folder.file("lines", "a\nhunter2");
    for (user, expected) in [
        ("tokenFile: empty", "is empty"),
        ("tokenFile: lines", "no header can hold"),
        ("tokenFile: missing", "cannot be read"),
        ("token: \"a\\nhunter2\"", "no header can hold"),
        ("token: ' '", "its token is empty"),
    ] {
        let error = client_of(&folder, &server, user)
            .await
            .err()
            .expect(expected);

        assert!(error.contains(", user `u`: its token"), "{error}");
        assert!(error.contains(expected), "{error}");
        assert!(!error.contains("hunter2"), "{error}");
    }
}

#[tokio::test]
async fn what_kube_provides_is_sent_too() {
    let folder = Folder::new();
    let server = Fake::plain().await;

    let user = "auth-provider: {name: oidc, config: {id-token: A}}";
    let client = client_of(&folder, &server, user).await.expect("a client");
    status(&client).await;
    let unknown = "auth-provider: {name: other}";
    let error = client_of(&folder, &server, unknown)
        .await
        .err()
        .expect("it is unknown");

    assert_eq!(server.last().header("authorization"), Some("Bearer A"));
    assert!(
        error.contains(", user `u`: `auth-provider` `other`: "),
        "{error}"
    );
}

#[tokio::test(start_paused = true)]
async fn plugin_that_hangs_is_given_up_and_what_is_waited_for_is_known() {
    let folder = Folder::new();
    let server = "server: 'http://127.0.0.1:1'";
    let file = folder.config(server, &plugin(&folder, "exec sleep 20", ""));
    let cluster = Cluster::kubeconfig(file).credentials_over_http();
    let stages = Stages::default();
    let environment = Environment::default();
    let connect = cluster.connect_in(
        &environment,
        stages.clone(),
        AnswerTimes::of(Duration::from_secs(300)),
    );
    let mut connect = std::pin::pin!(connect);

    let plugin = format!(
        "the credentials plugin `{}`",
        folder.path("bin/plugin").display()
    );
    // The clock stands still for the thread that reads the files as well.
    while stages.current().as_ref() != Some(&plugin) {
        let pending = tokio::time::timeout(Duration::from_millis(1), connect.as_mut()).await;
        assert!(pending.is_err());
    }
    let error = connect.await.err().expect("no plugin").to_string();

    assert!(
        error.ends_with(&format!(
            "{plugin} did not answer within 300s; run it by hand, or allow it more time"
        )),
        "{error}"
    );
}
