//! Files that kubeconfigs of the targets name, as those of `tests/clientcmd` do.

use std::{
    fs, io,
    path::{Path, PathBuf},
    process,
    sync::OnceLock,
};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use rcgen::{CertificateParams, KeyPair};

use crate::SECRET;

/// A folder with certificates, keys and tokens, and what stands for them in inputs.
#[derive(Debug)]
pub struct Files {
    folder: PathBuf,
    client: String,
    key: String,
}

/// Returns the files of this machine; they are made once, and stay.
pub fn files() -> &'static Files {
    static FILES: OnceLock<Files> = OnceLock::new();
    FILES.get_or_init(|| Files::make(std::env::temp_dir().join("kubehandler-fuzz")).expect("files"))
}

impl Files {
    fn make(folder: PathBuf) -> io::Result<Self> {
        if !folder.exists() {
            // Under another name at first: several processes may begin at once.
            let new = folder.with_extension(process::id().to_string());
            fs::create_dir(&new)?;
            fill(&new)?;
            if fs::rename(&new, &folder).is_err() {
                fs::remove_dir_all(&new)?;
            }
        }
        Ok(Self {
            client: fs::read_to_string(folder.join("client.pem"))?,
            key: fs::read_to_string(folder.join("key.pem"))?,
            folder,
        })
    }

    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Replaces the words of `tests/clientcmd` by what they stand for.
    pub fn replace_words(&self, text: &str) -> String {
        let (client, key) = (escape(&self.client), escape(&self.key));
        text.replace("CA_BASE64", &BASE64_STANDARD.encode(&self.client))
            .replace("CLIENT_BASE64", &BASE64_STANDARD.encode(&self.client))
            .replace("KEY_BASE64", &BASE64_STANDARD.encode(&self.key))
            .replace("CLIENT_PEM", &client)
            .replace("KEY_PEM", &key)
            .replace("DIR", &self.folder.to_string_lossy())
            .replace("PLAIN", "127.0.0.1:8080")
            .replace("SECURE", "127.0.0.1:6443")
            .replace("NAMED", "127.0.0.1:6444")
            .replace("MUTUAL", "127.0.0.1:6445")
            .replace("FORWARD", "127.0.0.1:3128")
    }

    /// Returns true if a path is that of one of these files, or of one beside them that is not there.
    pub fn has(&self, path: &str) -> bool {
        let name = Path::new(path).strip_prefix(&self.folder);
        name.is_ok_and(|name| Path::new(name.file_name().unwrap_or_default()) == name)
    }
}

/// As a string of JSON, and of YAML in double quotes, holds it.
fn escape(pem: &str) -> String {
    pem.replace('\n', "\\n")
}

fn fill(folder: &Path) -> io::Result<()> {
    let key = KeyPair::generate().map_err(io::Error::other)?;
    let params = CertificateParams::new(vec!["server.example".to_owned()]);
    let certificate = params.and_then(|params| params.self_signed(&key));
    let certificate = certificate.map_err(io::Error::other)?.pem();
    let key = key.serialize_pem();
    let other_key = KeyPair::generate()
        .map_err(io::Error::other)?
        .serialize_pem();
    let encrypted = key.replace("PRIVATE", "ENCRYPTED PRIVATE");
    for name in [
        "ca.pem",
        "other-ca.pem",
        "bundle.pem",
        "server.pem",
        "client.pem",
    ] {
        fs::write(folder.join(name), &certificate)?;
    }
    fs::write(folder.join("key.pem"), &key)?;
    fs::write(folder.join("other-key.pem"), other_key)?;
    fs::write(folder.join("both.pem"), format!("{certificate}{key}"))?;
    fs::write(folder.join("encrypted.pem"), encrypted)?;
    fs::write(folder.join("tok"), format!(" {SECRET}\n"))?;
    fs::write(folder.join("empty"), "")
}
