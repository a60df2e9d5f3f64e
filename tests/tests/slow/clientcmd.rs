//! A hundred kubeconfigs, played with this library and with client-go; `tests/clientcmd` has them.

mod server;

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use anyhow::{Context as _, ensure};
use base64::{Engine as _, prelude::*};
use tokio::{process::Command, time::timeout};

use self::server::{Pki, Servers};

const PATIENCE: Duration = Duration::from_secs(60);

/// What a case expects.
#[derive(Debug, Default)]
struct Expected {
    ours: Vec<String>,
    /// What our message has.
    says: Option<String>,
    /// Of client-go, if that differs.
    theirs: Vec<String>,
    why: Option<String>,
}

impl Expected {
    fn parse(text: &str) -> anyhow::Result<Self> {
        let mut expected = Self::default();
        for line in text.lines() {
            match line.split_once(' ').context(line.to_owned())? {
                ("says", text) => expected.says = Some(text.to_owned()),
                ("theirs", line) => expected.theirs.push(line.to_owned()),
                ("why", why) => expected.why = Some(why.to_owned()),
                _ => expected.ours.push(line.to_owned()),
            }
        }
        ensure!(
            expected.theirs.is_empty() == expected.why.is_none(),
            "what differs has a reason"
        );
        Ok(expected)
    }
}

/// The world that all cases are played in.
struct World {
    servers: Servers,
    words: BTreeMap<&'static str, String>,
    files: BTreeMap<&'static str, String>,
}

impl World {
    async fn new() -> anyhow::Result<Self> {
        let (pki, other) = (Pki::new()?, Pki::new()?);
        let client = pki.sign("client")?;
        let servers = Servers::start(&pki).await?;
        let mut words: BTreeMap<&str, String> = servers.addresses().into();
        words.insert("CA_BASE64", BASE64_STANDARD.encode(pki.authority()));
        words.insert("CLIENT_BASE64", BASE64_STANDARD.encode(&client.pem));
        words.insert("KEY_BASE64", BASE64_STANDARD.encode(&client.key));
        let claims = BASE64_URL_SAFE_NO_PAD.encode(r#"{"exp":32503680000}"#);
        words.insert("ID_TOKEN", format!("e30.{claims}.c2ln"));
        let authority = pki.authority();
        let files = BTreeMap::from([
            ("ca.pem", authority.clone()),
            ("other-ca.pem", other.authority()),
            (
                "bundle.pem",
                format!("subject=/CN=ü\n{}\ntext\n{authority}end", other.authority()),
            ),
            ("server.pem", servers.certificate.clone()),
            ("client.pem", client.pem.clone()),
            ("key.pem", client.key.clone()),
            ("other-key.pem", pki.sign("other")?.key),
            ("both.pem", format!("{}{}", client.key, client.pem)),
            (
                "encrypted.pem",
                "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n".to_owned(),
            ),
        ]);
        Ok(Self {
            servers,
            words,
            files,
        })
    }

    /// Copies a case to a folder of its own, with its words replaced.
    fn lay_out(&self, case: &Path) -> anyhow::Result<Folder> {
        let folder = std::env::temp_dir().join(format!("kubehandler-case-{}", fastrand::u64(..)));
        fs::create_dir(&folder)?;
        let folder = Folder(folder);
        for (name, text) in &self.files {
            fs::write(folder.0.join(name), text)?;
        }
        self.copy(case, &folder.0, &folder.0)?;
        Ok(folder)
    }

    fn copy(&self, from: &Path, to: &Path, folder: &Path) -> anyhow::Result<()> {
        for entry in fs::read_dir(from)? {
            let entry = entry?;
            let to = to.join(entry.file_name());
            if entry.file_type()?.is_dir() {
                fs::create_dir(&to)?;
                self.copy(&entry.path(), &to, folder)?;
                continue;
            }
            let bytes = fs::read(entry.path())?;
            let text = match bytes.strip_prefix(b"\xff\xfe") {
                None => self
                    .replaced(&String::from_utf8(bytes)?, folder)
                    .into_bytes(),
                Some(units) => {
                    let units = units
                        .chunks_exact(2)
                        .map(|u| u16::from_le_bytes([u[0], u[1]]));
                    let text = String::from_utf16(&units.collect::<Vec<_>>())?;
                    let text = format!("\u{feff}{}", self.replaced(&text, folder));
                    text.encode_utf16().flat_map(u16::to_le_bytes).collect()
                }
            };
            fs::write(&to, text)?;
            if entry.file_name() == "get" {
                make_executable(&to)?;
            }
        }
        Ok(())
    }

    fn replaced(&self, text: &str, folder: &Path) -> String {
        let folder = folder.display().to_string();
        let words = self.words.iter().map(|(word, is)| (*word, &**is));
        words
            .chain([("DIR", &*folder)])
            .fold(text.to_owned(), |text, (word, is)| text.replace(word, is))
    }

    /// Plays a case with a program; returns what came of it, and the whole output.
    async fn play(&self, program: &Path, folder: &Path) -> anyhow::Result<(Vec<String>, String)> {
        self.servers.forget();
        let env = fs::read_to_string(folder.join("env")).unwrap_or_default();
        let env = env.lines().filter_map(|line| line.split_once('='));
        let output = Command::new(program)
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", folder.join("home"))
            .env("KUBECONFIG", folder.join("config"))
            .envs(env)
            .current_dir(folder)
            .stdin(Stdio::null())
            .kill_on_drop(true)
            .output();
        let output = timeout(PATIENCE, output).await.context("it hangs")??;
        let _ = fs::remove_file(folder.join("runs"));
        let printed = String::from_utf8_lossy(&output.stdout).into_owned();
        let mut came = Vec::new();
        for line in printed.lines() {
            if line.starts_with("answered ") {
                came.push(line.to_owned());
            } else if line.starts_with("failed: ") {
                came.push("no answer".to_owned());
            }
        }
        came.extend(self.servers.seen());
        Ok((came, printed))
    }
}

#[cfg(unix)]
fn make_executable(file: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    fs::set_permissions(file, fs::Permissions::from_mode(0o755))
}

struct Folder(PathBuf);

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kubeconfigs_are_read_as_client_go_reads_them() -> anyhow::Result<()> {
    let world = World::new().await?;
    let ours = Path::new(env!("CARGO_BIN_EXE_connect"));
    let theirs = std::env::var_os("KUBEBUILDER_ASSETS")
        .map(|assets| Path::new(&assets).join("clientcmd"))
        .filter(|program| program.exists());
    let cases = Path::new(env!("CARGO_MANIFEST_DIR")).join("clientcmd/cases");
    let mut cases: Vec<PathBuf> = fs::read_dir(cases)?
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<Result<_, _>>()?;
    cases.sort();
    ensure!(cases.len() >= 60, "{} cases", cases.len());
    let mut faults = String::new();
    for case in &cases {
        let name = case.file_name().unwrap_or_default().to_string_lossy();
        let folder = world.lay_out(case)?;
        let expected = fs::read_to_string(folder.0.join("expect"))?;
        let expected = Expected::parse(&expected).with_context(|| name.to_string())?;

        let (came, printed) = world.play(ours, &folder.0).await?;

        if came != expected.ours {
            writeln!(faults, "{name}: ours: {came:#?}\n{printed}")?;
        }
        if let Some(says) = &expected.says
            && !printed.contains(says.as_str())
        {
            writeln!(faults, "{name}: not `{says}`, but {printed}")?;
        }
        let Some(theirs) = &theirs else { continue };
        let (came, printed) = world.play(theirs, &folder.0).await?;
        let expected = if expected.theirs.is_empty() {
            &expected.ours
        } else {
            &expected.theirs
        };
        if came != *expected {
            writeln!(faults, "{name}: client-go: {came:#?}\n{printed}")?;
        }
    }
    ensure!(faults.is_empty(), "{faults}");
    Ok(())
}
