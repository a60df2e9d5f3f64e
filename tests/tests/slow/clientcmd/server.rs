//! The servers of the cases: they note what they are asked.

use std::{
    fmt::Write as _,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa,
    KeyPair,
};
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, copy_bidirectional},
    net::{TcpListener, TcpStream},
};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{
        RootCertStore, ServerConfig,
        crypto::ring,
        pki_types::{CertificateDer, PrivateKeyDer},
        server::WebPkiClientVerifier,
    },
};
use tokio_util::task::AbortOnDropHandle;

/// An authority.
pub(super) struct Pki(CertifiedIssuer<'static, KeyPair>);

/// A certificate and its key, as PEM.
pub(super) struct Signed {
    pub(super) pem: String,
    pub(super) key: String,
    chain: Vec<CertificateDer<'static>>,
    key_der: Vec<u8>,
}

impl Pki {
    pub(super) fn new() -> anyhow::Result<Self> {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let name = format!("authority {}", fastrand::u64(..));
        params.distinguished_name.push(DnType::CommonName, name);
        let key = KeyPair::generate()?;
        Ok(Self(CertifiedIssuer::self_signed(params, key)?))
    }

    pub(super) fn authority(&self) -> String {
        self.0.pem()
    }

    /// Signs a certificate for this name.
    pub(super) fn sign(&self, name: &str) -> anyhow::Result<Signed> {
        let mut params = CertificateParams::new(vec![name.to_owned()])?;
        params.distinguished_name.push(DnType::CommonName, name);
        params.extended_key_usages = vec![
            ExtendedKeyUsagePurpose::ServerAuth,
            ExtendedKeyUsagePurpose::ClientAuth,
        ];
        let key = KeyPair::generate()?;
        let certificate = params.signed_by(&key, &self.0)?;
        Ok(Signed {
            pem: certificate.pem(),
            key: key.serialize_pem(),
            chain: vec![certificate.der().clone()],
            key_der: key.serialize_der(),
        })
    }

    /// Serves with this certificate; asks clients for theirs if `asks`.
    fn serve(&self, signed: Signed, asks: bool) -> anyhow::Result<TlsAcceptor> {
        let provider = Arc::new(ring::default_provider());
        let builder = ServerConfig::builder_with_provider(provider.clone())
            .with_safe_default_protocol_versions()?;
        let builder = if asks {
            let mut roots = RootCertStore::empty();
            roots.add(self.0.der().clone())?;
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
            builder.with_client_cert_verifier(verifier.allow_unauthenticated().build()?)
        } else {
            builder.with_no_client_auth()
        };
        let key = PrivateKeyDer::Pkcs8(signed.key_der.into());
        Ok(Arc::new(builder.with_single_cert(signed.chain, key)?).into())
    }
}

/// What the servers were asked, a line each.
type Seen = Arc<Mutex<Vec<String>>>;

/// All servers.
pub(super) struct Servers {
    plain: String,
    secure: String,
    named: String,
    mutual: String,
    proxy: String,
    /// That of `SECURE`, as PEM.
    pub(super) certificate: String,
    seen: Seen,
    _tasks: Vec<AbortOnDropHandle<()>>,
}

impl Servers {
    pub(super) async fn start(pki: &Pki) -> anyhow::Result<Self> {
        let seen = Seen::default();
        let mut tasks = Vec::new();
        let own = pki.sign("127.0.0.1")?;
        let certificate = own.pem.clone();
        let mut start = async |name: &'static str, tls: Option<TlsAcceptor>, plain: &str| {
            let listener = TcpListener::bind("127.0.0.1:0").await?;
            let address = listener.local_addr()?.to_string();
            let run = run(listener, name, tls, plain.to_owned(), seen.clone());
            tasks.push(AbortOnDropHandle::new(tokio::spawn(run)));
            anyhow::Ok(address)
        };
        let plain = start("plain", None, "").await?;
        let secure = start("secure", Some(pki.serve(own, false)?), &plain).await?;
        let named = pki.serve(pki.sign("server.example")?, false)?;
        let named = start("named", Some(named), &plain).await?;
        let mutual = pki.serve(pki.sign("127.0.0.1")?, true)?;
        let mutual = start("mutual", Some(mutual), &plain).await?;
        let proxy = start("proxy", None, &plain).await?;
        Ok(Self {
            plain,
            secure,
            named,
            mutual,
            proxy,
            certificate,
            seen,
            _tasks: tasks,
        })
    }

    pub(super) fn addresses(&self) -> [(&'static str, String); 5] {
        [
            ("PLAIN", self.plain.clone()),
            ("SECURE", self.secure.clone()),
            ("NAMED", self.named.clone()),
            ("MUTUAL", self.mutual.clone()),
            ("FORWARD", self.proxy.clone()),
        ]
    }

    pub(super) fn forget(&self) {
        lock(&self.seen).clear();
    }

    pub(super) fn seen(&self) -> Vec<String> {
        lock(&self.seen).clone()
    }
}

fn lock(seen: &Mutex<Vec<String>>) -> MutexGuard<'_, Vec<String>> {
    seen.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn run(
    listener: TcpListener,
    name: &'static str,
    tls: Option<TlsAcceptor>,
    plain: String,
    seen: Seen,
) {
    while let Ok((stream, _)) = listener.accept().await {
        let (tls, plain, seen) = (tls.clone(), plain.clone(), seen.clone());
        tokio::spawn(async move {
            match tls {
                None => serve(stream, name, false, &plain, &seen).await,
                Some(tls) => {
                    let stream = tls.accept(stream).await.ok()?;
                    let is_known = stream.get_ref().1.peer_certificates().is_some();
                    serve(stream, name, is_known, &plain, &seen).await
                }
            }
        });
    }
}

/// Answers one request, and closes the connection.
async fn serve(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    name: &str,
    is_known: bool,
    plain: &str,
    seen: &Seen,
) -> Option<()> {
    let head = head(&mut stream).await?;
    let mut lines = head.lines();
    let first = lines.next()?.to_owned();
    let headers: Vec<(String, &str)> = lines
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name.to_ascii_lowercase(), value))
        .collect();
    let mut words = first.split(' ');
    let (method, target) = (words.next()?, words.next()?);
    let is_known = if is_known { " client" } else { "" };
    let line = format!("sees {name} {method} {target}{}{is_known}", shown(&headers));
    lock(seen).push(line);
    if method == "CONNECT" {
        let mut server = TcpStream::connect(target).await.ok()?;
        stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await.ok()?;
        copy_bidirectional(&mut stream, &mut server).await.ok()?;
        return Some(());
    }
    let token = headers.iter().find(|(name, _)| name == "authorization");
    let (status, location) = match target {
        "/redirect/version" => ("302 Found", "location: /version\r\n".to_owned()),
        "/elsewhere/version" => ("302 Found", format!("location: http://{plain}/version\r\n")),
        "/new/version" if token.is_none_or(|(_, token)| *token != "Bearer new") => {
            ("401 Unauthorized", String::new())
        }
        _ => ("200 OK", String::new()),
    };
    let answer = format!(
        "HTTP/1.1 {status}\r\nconnection: close\r\ncontent-type: application/json\r\n{location}content-length: 2\r\n\r\n{{}}"
    );
    stream.write_all(answer.as_bytes()).await.ok()?;
    stream.shutdown().await.ok()
}

/// Returns what the headers say of who asks.
fn shown(headers: &[(String, &str)]) -> String {
    let all = |header: &str| {
        let values = headers.iter().filter(|(name, _)| name == header);
        values
            .map(|(_, value)| *value)
            .collect::<Vec<_>>()
            .join(",")
    };
    let mut shown = String::new();
    for (header, word) in [
        ("authorization", "auth"),
        ("proxy-authorization", "proxy"),
        ("impersonate-user", "as"),
        ("impersonate-uid", "uid"),
        ("impersonate-group", "groups"),
    ] {
        let value = all(header);
        if !value.is_empty() {
            let _ = write!(shown, " {word}={value}");
        }
    }
    for (name, value) in headers {
        if let Some(key) = name.strip_prefix("impersonate-extra-") {
            let _ = write!(shown, " extra-{key}={value}");
        }
    }
    shown
}

/// Reads a request up to its blank line.
async fn head(stream: &mut (impl AsyncRead + Unpin)) -> Option<String> {
    let mut text = Vec::new();
    while !text.ends_with(b"\r\n\r\n") {
        text.push(stream.read_u8().await.ok()?);
    }
    String::from_utf8(text).ok()
}
