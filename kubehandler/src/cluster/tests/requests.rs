//! What a server gets to see.

use super::{server::DENIED, *};

async fn ask(server: &Fake, cluster: &str, user: &str, path: &str) -> server::Asked {
    let folder = Folder::new();
    let address = server.address;
    let cluster = format!(
        "server: '{}'",
        cluster.replace("ADDRESS", &address.to_string())
    );
    let client = connect(&folder.config(&cluster, user))
        .await
        .expect("a client");
    get(&client, path).await.expect("an answer");
    server.last()
}

#[tokio::test]
async fn address_may_lack_its_scheme_and_have_a_path() {
    for (cluster, line) in [
        ("ADDRESS", "GET /api?a=b HTTP/1.1"),
        ("http://ADDRESS/k8s/c-1/", "GET /k8s/c-1/api?a=b HTTP/1.1"),
    ] {
        let server = Fake::plain().await;

        let asked = ask(&server, cluster, "", "/api?a=b").await;

        assert_eq!(asked.line, line);
        let host = server.address.to_string();
        assert_eq!(asked.header("host"), Some(&*host));
        assert!(
            asked
                .header("user-agent")
                .is_some_and(|a| a.starts_with("kubehandler/"))
        );
    }
}

#[tokio::test]
async fn impersonation_is_sent_with_every_request() {
    let server = Fake::plain().await;
    let user = "as: jane, as-uid: '7', as-groups: [a, b], as-user-extra: {k: [v, w]}";

    let asked = ask(&server, "http://ADDRESS", user, "/api").await;

    assert_eq!(asked.header("impersonate-user"), Some("jane"));
    assert_eq!(asked.header("impersonate-uid"), Some("7"));
    assert_eq!(asked.header("impersonate-group"), Some("a, b"));
    assert_eq!(asked.header("impersonate-extra-k"), Some("v, w"));
}

#[tokio::test]
async fn no_credentials_go_over_plain_http_unless_they_are_asked_for() {
    let folder = Folder::new();
    let server = Fake::plain().await;
    let cluster = format!("server: 'http://{}'", server.address);
    let plugin =
        "exec: {apiVersion: client.authentication.k8s.io/v1beta1, command: no-such-plugin}";
    for (user, sent) in [
        ("token: t", Some("Bearer t")),
        ("username: u, password: p", Some("Basic dTpw")),
        (plugin, None),
    ] {
        let file = folder.config(&cluster, user);
        let silent = connect(&file).await.expect("nothing is run");
        get(&silent, "/api").await.expect("an answer");
        let without = server.last();
        let asked_for = Cluster::kubeconfig(&file).credentials_over_http();
        let variable = Environment {
            credentials_over_http: true,
            ..Environment::default()
        };
        for (cluster, environment) in [
            (asked_for, Environment::default()),
            (Cluster::kubeconfig(&file), variable),
        ] {
            let client = connect_in(&cluster, &environment).await;
            match sent {
                Some(sent) => {
                    get(&client.expect("a client"), "/api")
                        .await
                        .expect("an answer");
                    assert_eq!(server.last().header("authorization"), Some(sent));
                }
                None => assert!(client.is_err(), "the plugin is run"),
            }
        }

        assert_eq!(without.header("authorization"), None);
    }
}

#[tokio::test]
async fn get_is_redirected_and_another_server_does_not_learn_the_token() {
    let other = Fake::plain().await;
    let target = format!("http://{}/there", other.address);
    let first = Fake::answering(None, move |asked| match &*asked.line {
        "GET /here HTTP/1.1" => redirect("/again"),
        "GET /again HTTP/1.1" => redirect(&target),
        "GET /loop HTTP/1.1" => redirect("loop"),
        _ => DENIED.to_owned(),
    })
    .await;
    let folder = Folder::new();
    let file = folder.config(
        &format!("server: 'http://{}'", first.address),
        "token: t, as: j",
    );
    let cluster = Cluster::kubeconfig(file).credentials_over_http();
    let client = connect_in(&cluster, &Environment::default())
        .await
        .expect("a client");

    let response = get(&client, "/here").await.expect("an answer");
    let endless = get(&client, "/loop").await.expect_err("no answer");

    assert_eq!(response.status(), 200);
    let asked = first.asked();
    assert_eq!(asked[1].header("authorization"), Some("Bearer t"));
    assert_eq!(other.last().line, "GET /there HTTP/1.1");
    assert_eq!(other.last().header("authorization"), None);
    assert_eq!(other.last().header("impersonate-user"), None);
    assert_eq!(endless, "the server redirects more than 10 times");
}

#[tokio::test]
async fn what_is_written_is_not_redirected() {
    let server = Fake::answering(None, |_| redirect("https://elsewhere/there")).await;
    let folder = Folder::new();
    let file = folder.config(&format!("server: 'http://{}'", server.address), "");
    let client = connect(&file).await.expect("a client");
    let mut request = Request::new(Body::from(b"{}".to_vec()));
    *request.method_mut() = http::Method::POST;

    let error = client.send(request).await.expect_err("it is refused");

    assert_eq!(
        crate::chain::chain(&error),
        "the server redirects what is written to `https://elsewhere/there`: set `server` to that"
    );
    assert_eq!(server.asked().len(), 1);
}

fn redirect(to: &str) -> String {
    format!(
        "HTTP/1.1 302 Found\r\nconnection: close\r\nlocation: {to}\r\ncontent-length: 0\r\n\r\n"
    )
}

#[tokio::test]
async fn what_cannot_be_reached_is_named() {
    let gone = Fake::plain().await.address;
    let folder = Folder::new();
    for (server, expected) in [
        (
            format!("http://{gone}"),
            format!("cannot connect to `127.0.0.1`, port {}: ", gone.port()),
        ),
        (
            "http://no-such-host.invalid".to_owned(),
            "cannot resolve `no-such-host.invalid`: ".to_owned(),
        ),
    ] {
        let file = folder.config(&format!("server: '{server}'"), "");
        let client = connect(&file).await.expect("a client");

        let error = get(&client, "/api").await.expect_err("no server");

        assert!(error.starts_with(&expected), "{error}");
    }
}
