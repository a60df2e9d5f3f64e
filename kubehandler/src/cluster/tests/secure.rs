//! TLS: whom to trust, and as whom to appear.

use tokio::{io::AsyncWriteExt, net::TcpListener};

use super::{
    server::{DENIED, KEPT, KEPT_DENIED, OK, Signed},
    *,
};

struct Secure {
    folder: Folder,
    server: Fake,
}

impl Secure {
    async fn new(pki: &Pki, signed: &Signed) -> Self {
        let folder = Folder::new();
        folder.file("ca.pem", pki.authority());
        let server = Fake::secure(pki.serve(signed, true)).await;
        Self { folder, server }
    }

    async fn client(&self, cluster: &str, user: &str) -> Result<Client, String> {
        let cluster = format!("server: 'https://{}', {cluster}", self.server.address);
        let client = connect(&self.folder.config(&cluster, user)).await;
        client.map_err(|error| error.to_string())
    }

    async fn ask(&self, cluster: &str, user: &str) -> Result<(), String> {
        let client = self.client(cluster, user).await?;
        get(&client, "/api").await.map(drop)
    }
}

const CA: &str = "certificate-authority: ca.pem";

#[tokio::test]
async fn authority_may_be_any_bundle_that_go_reads() {
    let pki = Pki::new();
    let signed = pki.sign(&["127.0.0.1"]);
    let secure = Secure::new(&pki, &signed).await;
    let authority = pki.authority();
    let other = Pki::new().authority();
    for bundle in [
        authority.clone(),
        authority.replace('\n', "\r\n"),
        format!("subject=/CN=ü\n\n{other}\nissuer=/CN=b\n{authority}tail"),
        format!("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n{authority}"),
        format!("{}{authority}", signed.key_pem),
        signed.pem.clone(), // The server's own certificate, which is no authority.
    ] {
        secure.folder.file("ca.pem", &bundle);

        secure.ask(CA, "").await.expect(&bundle);
    }
}

#[tokio::test]
async fn authority_of_a_configuration_may_be_a_file_that_changes() {
    let pki = Pki::new();
    let secure = Secure::new(&pki, &pki.sign(&["127.0.0.1"])).await;
    let file = secure.folder.file("other.pem", Pki::new().authority());
    let url = format!("https://{}", secure.server.address);
    let mut config = kube::Config::new(url.parse().expect("an address"));
    config.root_cert_file = Some(file.clone());
    let client = connect_in(&Cluster::config(config), &Environment::default()).await;
    let client = client.expect("a client");

    let refused = get(&client, "/api").await.expect_err("another authority");
    fs::write(file, pki.authority()).expect("written");
    get_until(&client, Result::is_ok).await;

    assert!(refused.contains("certificate"), "{refused}");
}

#[tokio::test]
async fn self_made_certificate_is_trusted_for_its_names() {
    let mut params = rcgen::CertificateParams::new(vec!["127.0.0.1".to_owned()]).expect("names");
    params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let key = rcgen::KeyPair::generate().expect("a key");
    let made = params.self_signed(&key).expect("signed");
    let pki = Pki::new();
    let signed = Pki::signed_by_itself(&made, &key);
    let secure = Secure::new(&pki, &signed).await;
    secure.folder.file("ca.pem", made.pem());

    secure.ask(CA, "").await.expect("it is trusted");
    let misnamed = secure
        .ask(&format!("{CA}, tls-server-name: other"), "")
        .await;

    let error = misnamed.expect_err("it is for another name");
    assert!(error.contains("set `tls-server-name`"), "{error}");
}

#[tokio::test]
async fn server_that_is_not_trusted_is_explained() {
    let pki = Pki::new();
    let secure = Secure::new(&pki, &pki.sign(&["server.example"])).await;
    secure.folder.file("other.pem", Pki::new().authority());
    let shown = format!("TLS with `{}`: ", secure.server.address);
    for (cluster, expected) in [
        (
            "certificate-authority: other.pem, tls-server-name: server.example",
            "signed by an authority that is not trusted",
        ),
        (
            "tls-server-name: server.example",
            "signed by an authority that is not trusted",
        ),
        (CA, "set `tls-server-name` to a name that it is for"),
    ] {
        let error = secure.ask(cluster, "").await.expect_err(expected);

        assert!(error.starts_with(&shown), "{error}");
        assert!(error.contains(expected), "{error}");
    }
    let named = format!("{CA}, tls-server-name: server.example");
    secure.ask(&named, "").await.expect("it is for this name");
    secure
        .ask("insecure-skip-tls-verify: true", "")
        .await
        .expect("anybody is trusted");
}

#[tokio::test]
async fn bundle_without_a_certificate_is_refused_before_anything_is_sent() {
    let pki = Pki::new();
    let secure = Secure::new(&pki, &pki.sign(&["127.0.0.1"])).await;
    for (bundle, expected) in [
        ("", "it holds no PEM block of the type CERTIFICATE"),
        (
            "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
            "none of its certificates can be read",
        ),
    ] {
        secure.folder.file("ca.pem", bundle);

        let error = secure.client(CA, "").await.err().expect(expected);

        let begin = format!(
            "`{}`, cluster `c`: `certificate-authority`: ",
            secure.folder.path("config").display()
        );
        assert!(error.starts_with(&begin), "{error}");
        assert!(error.contains(expected), "{error}");
    }
}

#[tokio::test]
async fn authority_that_changes_is_taken_up_without_a_restart() {
    let pki = Pki::new();
    let secure = Secure::new(&pki, &pki.sign(&["127.0.0.1"])).await;
    secure.folder.file("ca.pem", Pki::new().authority());
    let client = secure.client(CA, "").await.expect("a client");

    get(&client, "/api").await.expect_err("another authority");
    secure.folder.file("ca.pem", pki.authority());
    get_until(&client, Result::is_ok).await;
    secure.folder.file("ca.pem", "");

    let kept = get(&client, "/api").await;

    kept.expect("the last authority counts");
}

#[tokio::test]
async fn client_is_known_by_its_certificate_in_every_form() {
    let pki = Pki::new();
    let secure = Secure::new(&pki, &pki.sign(&["127.0.0.1"])).await;
    let client = pki.sign(&["client"]);
    let (certificate, key) = (&client.pem, &client.key_pem);
    let parameters =
        "-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n";
    for (certificate, key) in [
        (certificate.clone(), key.clone()),
        (format!("text\n{certificate}"), format!("{parameters}{key}")),
        (format!("{key}{certificate}"), format!("{certificate}{key}")),
        (
            certificate.replace('\n', "\r\n"),
            key.replace("PRIVATE KEY", "EC PRIVATE KEY"),
        ),
    ] {
        secure.folder.file("cert.pem", certificate);
        secure.folder.file("key.pem", key);

        secure
            .ask(CA, "client-certificate: cert.pem, client-key: key.pem")
            .await
            .expect("known");

        assert_eq!(secure.server.last().client.as_ref(), Some(&client.der));
    }
}

#[tokio::test]
async fn certificate_or_key_that_cannot_be_used_is_explained() {
    let pki = Pki::new();
    let secure = Secure::new(&pki, &pki.sign(&["127.0.0.1"])).await;
    let (client, other) = (pki.sign(&["client"]), pki.sign(&["other"]));
    let encrypted =
        "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n";
    let headers = "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: A\n\nAAAA\n-----END RSA PRIVATE KEY-----\n";
    let dsa = "-----BEGIN DSA PRIVATE KEY-----\nAAAA\n-----END DSA PRIVATE KEY-----\n";
    for (certificate, key, expected) in [
        (
            &*client.pem,
            &*other.key_pem,
            "the client key is not that of the client certificate",
        ),
        (&client.key_pem, &client.pem, "were both exchanged?"),
        ("", &client.key_pem, "no PEM block of the type CERTIFICATE"),
        (&client.pem, "", "no PEM block of a PRIVATE KEY"),
        (
            &client.pem,
            encrypted,
            "the client key is encrypted: decrypt it",
        ),
        (
            &client.pem,
            headers,
            "the client key is encrypted: decrypt it",
        ),
        (
            &client.pem,
            dsa,
            "a `DSA PRIVATE KEY`, is of no kind that TLS accepts here",
        ),
    ] {
        secure.folder.file("cert.pem", certificate);
        secure.folder.file("key.pem", key);

        let user = "client-certificate: cert.pem, client-key: key.pem";
        let error = secure.client(CA, user).await.err().expect(expected);

        assert!(error.contains(", user `u`: "), "{error}");
        assert!(error.contains(expected), "{error}");
    }
}

#[tokio::test]
async fn plugin_may_give_certificates_and_another_after_a_refusal() {
    let pki = Pki::new();
    let (first, second) = (pki.sign(&["first"]), pki.sign(&["second"]));
    let signed = pki.sign(&["127.0.0.1"]);
    let accepted = second.der.clone();
    let server = Fake::answering(Some(pki.serve(&signed, true)), move |asked| {
        let is_accepted = asked.client.as_ref() == Some(&accepted);
        if is_accepted { OK } else { DENIED }.to_owned()
    })
    .await;
    let folder = Folder::new();
    folder.file("ca.pem", pki.authority());
    for (name, signed) in [("first", &first), ("second", &second)] {
        let answer = serde_json::json!({
            "kind": "ExecCredential",
            "apiVersion": "client.authentication.k8s.io/v1beta1",
            "status": {"clientCertificateData": signed.pem, "clientKeyData": signed.key_pem},
        });
        folder.file(name, answer.to_string());
    }
    let user = format!(
        "exec: {{apiVersion: client.authentication.k8s.io/v1beta1, command: sh, args: [-c, 'cd {}; cat first; test -e second && mv second first || true']}}",
        folder.path("").display()
    );
    let cluster = format!("server: 'https://{}', {CA}", server.address);
    let client = connect(&folder.config(&cluster, &user))
        .await
        .expect("a client");

    let refused = get(&client, "/api").await.expect("an answer");
    let answered = get(&client, "/api").await.expect("an answer");

    assert_eq!(refused.status(), 401);
    assert_eq!(answered.status(), 200);
    assert_eq!(server.asked()[0].client, Some(first.der));
}

#[tokio::test]
async fn pod_is_known_by_its_token_and_trusts_its_authority() {
    let pki = Pki::new();
    let secure = Secure::new(&pki, &pki.sign(&["127.0.0.1"])).await;
    let folder = &secure.folder;
    folder.file("account/token", " A\n");
    folder.file("account/ca.crt", pki.authority());
    folder.file("account/namespace", "shop");
    let environment = Environment {
        home: Some(folder.path("home")),
        service_host: Some("127.0.0.1".to_owned()),
        service_port: Some(secure.server.address.port().to_string()),
        service_account: folder.path("account"),
        ..Environment::default()
    };

    let client = connect_in(&Cluster::find(), &environment)
        .await
        .expect("a pod");
    get(&client, "/api").await.expect("an answer");

    assert_eq!(client.default_namespace(), "shop");
    assert_eq!(
        secure.server.last().header("authorization"),
        Some("Bearer A")
    );
}

#[tokio::test]
async fn certificate_that_is_renewed_is_shown_after_a_refusal() {
    let pki = Pki::new();
    let (first, second) = (pki.sign(&["first"]), pki.sign(&["second"]));
    let accepted = second.der.clone();
    let tls = pki.serve(&pki.sign(&["127.0.0.1"]), true);
    let server = Fake::lasting(Some(tls), move |asked| {
        let is_accepted = asked.client.as_ref() == Some(&accepted);
        if is_accepted { KEPT } else { KEPT_DENIED }.to_owned()
    })
    .await;
    let folder = Folder::new();
    folder.file("ca.pem", pki.authority());
    folder.file("cert.pem", &first.pem);
    folder.file("key.pem", &first.key_pem);
    let cluster = format!("server: 'https://{}', {CA}", server.address);
    let file = folder.config(
        &cluster,
        "client-certificate: cert.pem, client-key: key.pem",
    );
    let client = connect(&file).await.expect("a client");
    let before = get(&client, "/api").await.expect("an answer");
    folder.file("key.pem", &second.key_pem);
    folder.file("cert.pem", &second.pem);

    get_until(&client, |answer| {
        answer.as_ref().is_ok_and(|a| a.status() == 200)
    })
    .await;

    assert_eq!(before.status(), 401);
    assert_eq!(server.last().client, Some(second.der));
}

#[tokio::test]
async fn certificate_in_the_bundle_is_no_authority() {
    let pki = Pki::new();
    let leaf = pki.sign(&["leaf"]);
    let forged = leaf.signs(&["127.0.0.1"]);
    let secure = Secure::new(&pki, &forged).await;
    for (bundle, is_trusted) in [
        (leaf.pem.clone(), false),
        (format!("{}{}", leaf.pem, Pki::new().authority()), false),
        (forged.pem.clone(), true),
    ] {
        secure.folder.file("ca.pem", bundle);

        let asked = secure.ask(CA, "").await;

        assert_eq!(asked.is_ok(), is_trusted, "{asked:?}");
    }
}

#[tokio::test]
async fn server_that_speaks_no_tls_is_said_to() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("it has one");
    let folder = Folder::new();
    let file = folder.config(&format!("server: 'https://{address}'"), "");
    let client = connect(&file).await.expect("a client");
    let answer = async {
        let (mut stream, _) = listener.accept().await.expect("a connection");
        let answer = stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
        answer.expect("sent");
        stream
    };

    let (asked, _stream) = tokio::join!(get(&client, "/api"), answer);

    let error = asked.expect_err("no TLS");

    assert!(error.contains("does not speak TLS there"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn handshake_that_never_comes_is_given_up() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("it has one");
    let folder = Folder::new();
    let file = folder.config(&format!("server: 'https://{address}'"), "");
    let client = connect(&file).await.expect("a client");

    let error = get(&client, "/api").await.expect_err("no handshake");

    assert_eq!(
        error,
        format!("TLS with `{address}`: no handshake within 10s")
    );
}
