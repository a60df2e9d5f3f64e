//! A server that notes what it is asked, and answers as it is told.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa,
    Issuer, KeyPair,
};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::TcpListener,
};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{
        RootCertStore, ServerConfig,
        pki_types::{CertificateDer, PrivateKeyDer},
        server::WebPkiClientVerifier,
    },
};
use tokio_util::task::AbortOnDropHandle;

/// One request, as a server saw it.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    /// The first line.
    pub(crate) line: String,
    pub(crate) headers: BTreeMap<String, String>,
    /// The common name of the client's certificate, if it showed one.
    pub(crate) client: Option<Vec<u8>>,
}

impl Asked {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(String::as_str)
    }
}

type Answer = dyn Fn(&Asked) -> String + Send + Sync;

/// A server that answers each request as a function says, and closes the connection.
pub(crate) struct Fake {
    pub(crate) address: SocketAddr,
    asked: Arc<Mutex<Vec<Asked>>>,
    _task: AbortOnDropHandle<()>,
}

pub(crate) const OK: &str = "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\n{}";
pub(crate) const KEPT: &str = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}";
pub(crate) const KEPT_DENIED: &str = "HTTP/1.1 401 Unauthorized\r\ncontent-length: 0\r\n\r\n";
pub(crate) const DENIED: &str =
    "HTTP/1.1 401 Unauthorized\r\nconnection: close\r\ncontent-length: 0\r\n\r\n";

impl Fake {
    /// Answers all with 200.
    pub(crate) async fn plain() -> Self {
        Self::answering(None, |_| OK.to_owned()).await
    }

    pub(crate) async fn secure(tls: ServerConfig) -> Self {
        Self::answering(Some(tls), |_| OK.to_owned()).await
    }

    pub(crate) async fn answering(
        tls: Option<ServerConfig>,
        answer: impl Fn(&Asked) -> String + Send + Sync + 'static,
    ) -> Self {
        Self::start(tls, answer, false).await
    }

    /// Keeps each connection open for further requests.
    pub(crate) async fn lasting(
        tls: Option<ServerConfig>,
        answer: impl Fn(&Asked) -> String + Send + Sync + 'static,
    ) -> Self {
        Self::start(tls, answer, true).await
    }

    async fn start(
        tls: Option<ServerConfig>,
        answer: impl Fn(&Asked) -> String + Send + Sync + 'static,
        lasts: bool,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("it has one");
        let asked = Arc::new(Mutex::new(Vec::new()));
        let answer: Arc<Answer> = Arc::new(answer);
        let tls = tls.map(|tls| TlsAcceptor::from(Arc::new(tls)));
        let noted = asked.clone();
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (tls, answer, noted) = (tls.clone(), answer.clone(), noted.clone());
                tokio::spawn(async move {
                    match tls {
                        None => serve(stream, None, &noted, &*answer, lasts).await,
                        Some(tls) => {
                            let Ok(stream) = tls.accept(stream).await else {
                                return;
                            };
                            let (_, session) = stream.get_ref();
                            let client = session.peer_certificates().map(|c| c[0].to_vec());
                            serve(stream, client, &noted, &*answer, lasts).await;
                        }
                    }
                });
            }
        });
        Self {
            address,
            asked,
            _task: AbortOnDropHandle::new(task),
        }
    }

    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.asked.lock().expect("no panic").clone()
    }

    pub(crate) fn last(&self) -> Asked {
        self.asked().pop().expect("it was asked")
    }
}

async fn serve(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    client: Option<Vec<u8>>,
    noted: &Mutex<Vec<Asked>>,
    answer: &Answer,
    lasts: bool,
) {
    while let Some(mut asked) = head(&mut stream).await {
        asked.client.clone_from(&client);
        noted.lock().expect("no panic").push(asked.clone());
        let answer = answer(&asked);
        let _ = stream.write_all(answer.as_bytes()).await;
        if !lasts {
            break;
        }
    }
    let _ = stream.shutdown().await;
}

/// Reads a request up to its blank line.
pub(crate) async fn head(stream: &mut (impl AsyncRead + Unpin)) -> Option<Asked> {
    let mut text = Vec::new();
    while !text.ends_with(b"\r\n\r\n") {
        text.push(stream.read_u8().await.ok()?);
    }
    let text = String::from_utf8(text).ok()?;
    let mut lines = text.lines();
    let line = lines.next()?.to_owned();
    let headers = lines.filter_map(|line| line.split_once(": "));
    let headers = headers.map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()));
    let mut all: BTreeMap<String, String> = BTreeMap::new();
    for (name, value) in headers {
        let values = all.entry(name).or_default();
        if !values.is_empty() {
            values.push_str(", ");
        }
        values.push_str(&value);
    }
    Some(Asked {
        line,
        headers: all,
        client: None,
    })
}

/// An authority and what it has signed.
pub(crate) struct Pki {
    issuer: CertifiedIssuer<'static, KeyPair>,
}

impl Signed {
    /// Signs a certificate for these names, as only an authority should.
    pub(crate) fn signs(&self, names: &[&str]) -> Self {
        let key = KeyPair::from_pem(&self.key_pem).expect("a key");
        signed(names, &Issuer::new(params(&self.name), key))
    }
}

/// A certificate and its key, as PEM and as DER.
pub(crate) struct Signed {
    pub(crate) pem: String,
    pub(crate) key_pem: String,
    pub(crate) der: Vec<u8>,
    key_der: Vec<u8>,
    name: String,
}

impl Pki {
    pub(crate) fn new() -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let name = format!("authority {}", fastrand::u32(..));
        params.distinguished_name.push(DnType::CommonName, name);
        let key = KeyPair::generate().expect("a key");
        let issuer = CertifiedIssuer::self_signed(params, key).expect("signed");
        Self { issuer }
    }

    pub(crate) fn authority(&self) -> String {
        self.issuer.pem()
    }

    /// Signs a certificate for these names.
    pub(crate) fn sign(&self, names: &[&str]) -> Signed {
        signed(names, &self.issuer)
    }

    /// Takes a certificate that nobody else has signed.
    pub(crate) fn signed_by_itself(made: &rcgen::Certificate, key: &KeyPair) -> Signed {
        Signed {
            pem: made.pem(),
            key_pem: key.serialize_pem(),
            der: made.der().to_vec(),
            key_der: key.serialize_der(),
            name: String::new(),
        }
    }

    /// Serves with this certificate; asks clients for theirs if `asks`.
    pub(crate) fn serve(&self, signed: &Signed, asks: bool) -> ServerConfig {
        let provider = Arc::new(tokio_rustls::rustls::crypto::ring::default_provider());
        let builder = ServerConfig::builder_with_provider(provider.clone())
            .with_safe_default_protocol_versions()
            .expect("versions");
        let builder = if asks {
            let mut roots = RootCertStore::empty();
            let authority = CertificateDer::from(self.issuer.der().to_vec());
            roots.add(authority).expect("an authority");
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider)
                .allow_unauthenticated()
                .build()
                .expect("a verifier");
            builder.with_client_cert_verifier(verifier)
        } else {
            builder.with_no_client_auth()
        };
        let chain = vec![CertificateDer::from(signed.der.clone())];
        let key = PrivateKeyDer::Pkcs8(signed.key_der.clone().into());
        builder.with_single_cert(chain, key).expect("they fit")
    }
}

fn signed(names: &[&str], issuer: &Issuer<'_, KeyPair>) -> Signed {
    let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
    let mut params = params(&names[0]);
    let alternatives = CertificateParams::new(names.clone()).expect("names");
    params.subject_alt_names = alternatives.subject_alt_names;
    params.extended_key_usages = vec![
        ExtendedKeyUsagePurpose::ServerAuth,
        ExtendedKeyUsagePurpose::ClientAuth,
    ];
    let key = KeyPair::generate().expect("a key");
    let certificate = params.signed_by(&key, issuer).expect("signed");
    Signed {
        pem: certificate.pem(),
        key_pem: key.serialize_pem(),
        der: certificate.der().to_vec(),
        key_der: key.serialize_der(),
        name: names[0].clone(),
    }
}

/// What is to be certified of somebody of this name.
fn params(name: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, name);
    params
}
