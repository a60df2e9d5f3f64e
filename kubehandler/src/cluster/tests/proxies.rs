//! Servers behind proxies.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional},
    net::{TcpListener, TcpStream},
};
use tokio_util::task::AbortOnDropHandle;

use super::{
    server::{Asked, head},
    *,
};

/// A proxy that tunnels wherever it is asked to; notes what it was asked.
struct Tunnels {
    address: SocketAddr,
    asked: Arc<Mutex<Vec<Asked>>>,
    _task: AbortOnDropHandle<()>,
}

impl Tunnels {
    /// Notes what the handshake asks for, and tunnels to the address that it returns.
    async fn start<A>(handshake: impl Fn(TcpStream) -> A + Send + 'static) -> Self
    where
        A: Future<Output = (TcpStream, Asked, String)> + Send + 'static,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("it has one");
        let asked: Arc<Mutex<Vec<Asked>>> = Arc::default();
        let noted = asked.clone();
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (noted, handshake) = (noted.clone(), handshake(stream));
                tokio::spawn(async move {
                    let (mut stream, asked, target) = handshake.await;
                    noted.lock().expect("no panic").push(asked);
                    let mut server = TcpStream::connect(target).await.expect("a server");
                    let _ = copy_bidirectional(&mut stream, &mut server).await;
                });
            }
        });
        Self {
            address,
            asked,
            _task: AbortOnDropHandle::new(task),
        }
    }

    async fn http() -> Self {
        Self::start(|mut stream| async move {
            let asked = head(&mut stream).await.expect("a request");
            let target = asked.line.split(' ').nth(1).expect("a target").to_owned();
            let answer = stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await;
            answer.expect("sent");
            (stream, asked, target)
        })
        .await
    }

    /// Of SOCKS 5, with a user and a password or without.
    async fn socks(wants_password: bool) -> Self {
        Self::start(move |mut stream| async move {
            let asked = socks(&mut stream, wants_password).await;
            let (host, port) = asked.line.rsplit_once(':').expect("a target");
            assert_eq!(host, "server.example");
            let target = format!("127.0.0.1:{port}");
            (stream, asked, target)
        })
        .await
    }

    fn last(&self) -> Asked {
        self.asked
            .lock()
            .expect("no panic")
            .pop()
            .expect("it was asked")
    }
}

/// Reads this many bytes.
async fn take(stream: &mut TcpStream, length: usize) -> Vec<u8> {
    let mut bytes = vec![0; length];
    stream.read_exact(&mut bytes).await.expect("bytes");
    bytes
}

fn text(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).expect("UTF-8")
}

async fn user_and_password(stream: &mut TcpStream) -> String {
    let user = take(stream, 2).await;
    let user = take(stream, user[1].into()).await;
    let password = take(stream, 1).await;
    let password = take(stream, password[0].into()).await;
    stream.write_all(&[1, 0]).await.expect("sent");
    format!("{}:{}", text(user), text(password))
}

/// Shakes hands as RFC 1928 and RFC 1929 say; returns the target, and `user:password` as a header.
async fn socks(stream: &mut TcpStream, wants_password: bool) -> Asked {
    let greeting = take(stream, 2).await;
    let methods = take(stream, greeting[1].into()).await;
    let method = if wants_password { 2 } else { 0 };
    let method = if methods.contains(&method) {
        method
    } else {
        0xff
    };
    stream.write_all(&[5, method]).await.expect("sent");
    let auth = if wants_password {
        user_and_password(stream).await
    } else {
        String::new()
    };
    let request = take(stream, 5).await;
    assert_eq!(request[..4], [5, 1, 0, 3], "connect to a name");
    let name = take(stream, request[4].into()).await;
    let port = take(stream, 2).await;
    let port = u16::from_be_bytes([port[0], port[1]]);
    let granted = [5, 0, 0, 1, 0, 0, 0, 0, 0, 0];
    stream.write_all(&granted).await.expect("sent");
    Asked {
        line: format!("{}:{port}", text(name)),
        headers: [("auth".to_owned(), auth)].into(),
        client: None,
    }
}

#[tokio::test]
async fn server_of_https_is_reached_through_a_tunnel() {
    let folder = Folder::new();
    let pki = Pki::new();
    folder.file("ca.pem", pki.authority());
    let server = Fake::secure(pki.serve(&pki.sign(&["127.0.0.1"]), false)).await;
    let proxy = Tunnels::http().await;
    let cluster = format!(
        "server: 'https://{}', certificate-authority: ca.pem, proxy-url: 'http://u:p@{}'",
        server.address, proxy.address
    );

    let client = connect(&folder.config(&cluster, "token: t"))
        .await
        .expect("a client");
    get(&client, "/api").await.expect("an answer");

    let asked = proxy.last();
    assert_eq!(asked.line, format!("CONNECT {} HTTP/1.1", server.address));
    assert_eq!(asked.header("proxy-authorization"), Some("Basic dTpw"));
    assert_eq!(server.last().header("authorization"), Some("Bearer t"));
    assert_eq!(server.last().header("proxy-authorization"), None);
}

#[tokio::test]
async fn server_of_plain_http_is_asked_for_by_its_whole_address() {
    let folder = Folder::new();
    let proxy = Fake::plain().await;
    let cluster = format!(
        "server: 'http://server.example/x', proxy-url: 'http://u:p@{}'",
        proxy.address
    );

    let client = connect(&folder.config(&cluster, ""))
        .await
        .expect("a client");
    get(&client, "/api").await.expect("an answer");

    let asked = proxy.last();
    assert_eq!(asked.line, "GET http://server.example/x/api HTTP/1.1");
    assert_eq!(asked.header("host"), Some("server.example"));
    assert_eq!(asked.header("proxy-authorization"), Some("Basic dTpw"));
}

/// Forwards nothing of plain HTTP, but redirects it, and tunnels the rest.
#[tokio::test]
async fn password_of_a_proxy_goes_to_the_proxy_alone_when_it_redirects() {
    let folder = Folder::new();
    let pki = Pki::new();
    folder.file("ca.pem", pki.authority());
    let server = Fake::secure(pki.serve(&pki.sign(&["127.0.0.1"]), false)).await;
    let address = server.address;
    let proxy = Tunnels::start(move |mut stream| async move {
        let asked = head(&mut stream).await.expect("a request");
        let answer = if asked.line.starts_with("CONNECT ") {
            "HTTP/1.1 200 OK\r\n\r\n".to_owned()
        } else {
            format!(
                "HTTP/1.1 302 Found\r\nlocation: https://{address}/there\r\n\
                 connection: close\r\ncontent-length: 0\r\n\r\n"
            )
        };
        stream.write_all(answer.as_bytes()).await.expect("sent");
        (stream, asked, address.to_string())
    })
    .await;
    let cluster = format!(
        "server: 'http://server.example', certificate-authority: ca.pem, proxy-url: 'http://u:p@{}'",
        proxy.address
    );

    let client = connect(&folder.config(&cluster, ""))
        .await
        .expect("a client");
    let answer = get(&client, "/api").await;

    let asked = server.asked();
    assert_eq!(asked.len(), 1, "{answer:?}");
    assert_eq!(asked[0].line, "GET /there HTTP/1.1");
    assert_eq!(asked[0].header("proxy-authorization"), None);
    let known: Vec<Asked> = proxy.asked.lock().expect("no panic").clone();
    assert_eq!(known.len(), 2);
    for asked in known {
        assert_eq!(asked.header("proxy-authorization"), Some("Basic dTpw"));
    }
}

/// Reaches a server through a proxy of SOCKS 5; returns the user and password that it was told.
async fn through_socks(wants_password: bool, user_info: &str) -> Option<String> {
    let folder = Folder::new();
    let pki = Pki::new();
    folder.file("ca.pem", pki.authority());
    let server = Fake::secure(pki.serve(&pki.sign(&["server.example"]), false)).await;
    let proxy = Tunnels::socks(wants_password).await;
    let cluster = format!(
        "server: 'https://server.example:{}', certificate-authority: ca.pem, proxy-url: 'socks5://{user_info}{}'",
        server.address.port(),
        proxy.address
    );

    let client = connect(&folder.config(&cluster, ""))
        .await
        .expect("a client");
    get(&client, "/api").await.expect("an answer");

    proxy.last().header("auth").map(ToOwned::to_owned)
}

#[tokio::test]
async fn proxy_may_be_of_socks_and_resolves_the_name_itself() {
    let told = through_socks(true, "u:p@").await;

    assert_eq!(told.as_deref(), Some("u:p"));
}

#[tokio::test]
async fn proxy_of_socks_may_want_no_password() {
    for user_info in ["", "u:p@", "u@"] {
        let told = through_socks(false, user_info).await;

        assert_eq!(told.as_deref(), Some(""), "{user_info:?}");
    }
}

#[tokio::test]
async fn proxy_may_itself_be_of_https() {
    let folder = Folder::new();
    let pki = Pki::new();
    folder.file("ca.pem", pki.authority());
    let proxy = Fake::secure(pki.serve(&pki.sign(&["127.0.0.1"]), false)).await;
    let cluster = format!(
        "server: 'https://server.example', certificate-authority: ca.pem, proxy-url: 'https://{}'",
        proxy.address
    );

    let client = connect(&folder.config(&cluster, ""))
        .await
        .expect("a client");
    let _ = get(&client, "/api")
        .await
        .expect_err("it speaks no TLS in its tunnel");

    assert_eq!(proxy.last().line, "CONNECT server.example:443 HTTP/1.1");
}

#[tokio::test]
async fn environment_names_the_proxy_and_what_needs_none() {
    let folder = Folder::new();
    let proxy = Fake::plain().await;
    let file = folder.config("server: 'http://server.example'", "");
    let proxies = |none: &str| environment::ProxyVariables {
        http: Some(proxy.address.to_string()),
        https: None,
        none: Some(none.to_owned()),
    };
    let ask = async |none: &str| {
        let environment = Environment {
            proxies: proxies(none),
            ..Environment::default()
        };
        let cluster = Cluster::kubeconfig(&file);
        let client = connect_in(&cluster, &environment).await.expect("a client");
        get(&client, "/api").await
    };

    let through = ask("other").await;
    let direct = ask("other,.example").await;

    assert_eq!(through.expect("an answer").status(), 200);
    let error = direct.expect_err("there is no such server");
    assert!(
        error.starts_with("cannot resolve `server.example`"),
        "{error}"
    );
    assert_eq!(proxy.asked().len(), 1);
}

#[tokio::test]
async fn proxy_that_fails_is_named() {
    let folder = Folder::new();
    let refuses = Fake::answering(None, |_| {
        "HTTP/1.1 407 Proxy Authentication Required\r\ncontent-length: 0\r\n\r\n".to_owned()
    })
    .await;
    let gone = Fake::plain().await.address;
    for (proxy, expected) in [(refuses.address, "proxy"), (gone, "cannot connect to")] {
        let cluster = format!("server: 'https://server.example', proxy-url: 'http://{proxy}'");
        let client = connect(&folder.config(&cluster, ""))
            .await
            .expect("a client");

        let error = get(&client, "/api").await.expect_err("no answer");

        let begin = format!("proxy `http://{proxy}/`: ");
        assert!(error.starts_with(&begin), "{error}");
        assert!(error.contains(expected), "{error}");
    }
}
