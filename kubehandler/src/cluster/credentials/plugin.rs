//! A credentials plugin: a program that prints a token or a certificate.
//!
//! Source: <https://kubernetes.io/docs/reference/access-authn-authz/authentication/#client-go-credential-plugins>.

#[cfg(fuzzing)]
pub(crate) mod fuzzing;

use std::{
    io::{self, IsTerminal},
    process::{ExitStatus, Stdio},
    sync::Arc,
    time::Duration,
};

use http::HeaderValue;
use k8s_openapi::{apimachinery::pkg::apis::meta::v1::Time, jiff::Timestamp};
use parking_lot::Mutex;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::{
    io::AsyncReadExt,
    process::Command,
    time::{Instant, timeout},
};

use super::bearer::{Generation, bearer};
use crate::{
    Printable,
    cluster::{
        error::{ClusterError, Place},
        kubeconfig::Exec,
        stage::{AnswerTimes, Stages},
        tls::PluginIdentity,
    },
};

/// The most bytes that a plugin may print.
const MAX_OUTPUT: u64 = 1024 * 1024;

/// However often the server rejects what a plugin gives, it runs again no sooner than this.
const RERUN: Duration = Duration::from_secs(1);

/// A credentials plugin, and what it printed last.
pub(crate) struct Plugin {
    exec: Exec,
    cluster: Option<Value>,
    place: Place,
    stages: Stages,
    times: AnswerTimes,
    identity: PluginIdentity,
    state: Mutex<PluginState>,
    /// Held while the plugin runs: it may ask a human, once.
    running: tokio::sync::Mutex<()>,
}

#[derive(Default)]
struct PluginState {
    current: Option<Current>,
    /// When the plugin was run last.
    ran: Option<Instant>,
    /// When the server rejected credentials last, so that the plugin was to run again.
    rejected: Option<Instant>,
    /// Why the last run failed, if it did.
    failure: Option<PluginFailure>,
    generation: u64,
}

#[derive(Debug)]
struct Current {
    header: Option<HeaderValue>,
    expires: Option<Timestamp>,
    is_rejected: bool,
}

/// What is wrong with a plugin; its place is known.
#[derive(Clone)]
enum PluginFailure {
    Invalid(String),
    NoAnswer(Duration),
}

impl Plugin {
    pub(super) fn new(
        exec: Exec,
        cluster: Option<Value>,
        place: Place,
        stages: Stages,
        times: AnswerTimes,
    ) -> Self {
        Self {
            exec,
            cluster,
            place,
            stages,
            times,
            identity: PluginIdentity::default(),
            state: Mutex::default(),
            running: tokio::sync::Mutex::default(),
        }
    }

    pub(super) fn identity(&self) -> &PluginIdentity {
        &self.identity
    }

    /// Runs the plugin for the first time.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future ends the plugin.
    pub(super) async fn start(&self) -> Result<(), ClusterError> {
        let run = self.refresh(Instant::now()).await;
        run.map_err(|failure| self.error(failure))?;
        Ok(())
    }

    /// Returns the credentials, from another run of the plugin if the last have expired.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future does not stop the plugin, unless the runtime ends.
    pub(super) async fn current(
        self: &Arc<Self>,
    ) -> Result<(Option<HeaderValue>, Generation), ClusterError> {
        if let Some(current) = self.known() {
            return Ok(current);
        }
        let asked = Instant::now();
        let plugin = self.clone();
        // In a task of its own: a login takes longer than a request may.
        let run = tokio::spawn(async move { plugin.refresh(asked).await });
        let run = run
            .await
            .unwrap_or_else(|error| Err(PluginFailure::Invalid(error.to_string())));
        run.map_err(|failure| self.error(failure))
    }

    /// Notes that the server did not accept these credentials.
    pub(super) fn rejected(&self, generation: Generation) {
        let mut state = self.state.lock();
        let is_soon = state.rejected.is_some_and(|at| at.elapsed() < RERUN);
        if generation != Generation(state.generation) || is_soon {
            return;
        }
        state.rejected = Some(Instant::now());
        if let Some(current) = &mut state.current {
            current.is_rejected = true;
        }
    }

    fn known(&self) -> Option<(Option<HeaderValue>, Generation)> {
        let state = self.state.lock();
        let current = state.current.as_ref()?;
        let is_expired = current.expires.is_some_and(|at| Timestamp::now() >= at);
        if current.is_rejected || is_expired {
            return None;
        }
        Some((current.header.clone(), Generation(state.generation)))
    }

    /// Runs the plugin, unless another request has done so since this one `asked`.
    async fn refresh(
        &self,
        asked: Instant,
    ) -> Result<(Option<HeaderValue>, Generation), PluginFailure> {
        let _running = self.running.lock().await;
        if let Some(current) = self.known() {
            return Ok(current);
        }
        {
            let state = self.state.lock();
            if let Some(failure) = &state.failure
                && state.ran.is_some_and(|ran| ran >= asked)
            {
                return Err(failure.clone());
            }
        }
        let limit = if self.may_ask() {
            self.times.asking
        } else {
            self.times.alone
        };
        let answer = match timeout(limit, self.run()).await {
            Ok(answer) => answer.map_err(PluginFailure::Invalid),
            Err(_) => Err(PluginFailure::NoAnswer(limit)),
        };
        let mut state = self.state.lock();
        state.ran = Some(Instant::now());
        match answer {
            Ok(current) => {
                state.generation += 1;
                state.failure = None;
                let header = current.header.clone();
                state.current = Some(current);
                Ok((header, Generation(state.generation)))
            }
            Err(failure) => {
                state.failure = Some(failure.clone());
                Err(failure)
            }
        }
    }

    fn error(&self, failure: PluginFailure) -> ClusterError {
        match failure {
            PluginFailure::Invalid(reason) => self.place.invalid(reason),
            PluginFailure::NoAnswer(limit) => ClusterError::NoAnswer {
                place: self.place.clone(),
                what: self.shown(),
                limit,
            },
        }
    }

    fn shown(&self) -> String {
        format!(
            "the credentials plugin `{}`",
            Printable::new(&self.exec.command)
        )
    }

    async fn run(&self) -> Result<Current, String> {
        let shown = self.shown();
        let _stage = self.stages.enter(&shown);
        let printed = self.printed(&shown).await?;
        self.taken(&printed)
    }

    /// Runs it to its end; returns what it printed.
    async fn printed(&self, shown: &str) -> Result<Vec<u8>, String> {
        let is_interactive = self.is_interactive(shown)?;
        let mut spec = json!({ "interactive": is_interactive });
        if let Some(cluster) = &self.cluster {
            spec["cluster"] = cluster.clone();
        }
        let info = json!({
            "kind": "ExecCredential",
            "apiVersion": self.exec.api_version,
            "spec": spec,
        });
        let mut command = Command::new(&self.exec.command);
        let variables = self.exec.env.iter().map(|v| (&v.name, &v.value));
        command
            .args(&self.exec.args)
            .envs(variables)
            .env("KUBERNETES_EXEC_INFO", info.to_string())
            .stdin(if is_interactive {
                Stdio::inherit()
            } else {
                Stdio::null()
            })
            .stdout(Stdio::piped())
            .kill_on_drop(true);
        for name in &self.exec.drop_env {
            command.env_remove(name);
        }
        let mut child = command
            .spawn()
            .map_err(|error| self.not_run(shown, &error))?;
        let mut printed = Vec::new();
        if let Some(output) = child.stdout.take() {
            let mut output = output.take(MAX_OUTPUT + 1);
            let read = output.read_to_end(&mut printed).await;
            read.map_err(|error| format!("what {shown} prints cannot be read: {error}"))?;
        }
        if printed.len() as u64 > MAX_OUTPUT {
            return Err(format!("{shown} prints more than {MAX_OUTPUT} bytes"));
        }
        let status = child.wait().await;
        let status = status.map_err(|error| format!("{shown} cannot be waited for: {error}"))?;
        if !status.success() {
            return Err(format!(
                "{shown} failed with {}; run it by hand to see what it prints",
                code(status)
            ));
        }
        Ok(printed)
    }

    fn is_interactive(&self, shown: &str) -> Result<bool, String> {
        if self.exec.interactive_mode == "Always" && !io::stdin().is_terminal() {
            return Err(format!(
                "{shown} must ask a human, and standard input is no terminal: run the program in one, or set `interactiveMode: IfAvailable`"
            ));
        }
        Ok(self.may_ask())
    }

    /// Returns true if it may ask a person.
    fn may_ask(&self) -> bool {
        self.exec.interactive_mode != "Never" && io::stdin().is_terminal()
    }

    fn not_run(&self, shown: &str, error: &io::Error) -> String {
        if error.kind() != io::ErrorKind::NotFound {
            return format!("{shown} cannot be run: {error}");
        }
        let hint: Vec<&str> = self.exec.install_hint.split_whitespace().collect();
        let hint = if hint.is_empty() {
            "install it, or name it by its path".to_owned()
        } else {
            Printable::new(hint.join(" ")).at_most(2_000).to_string()
        };
        format!("{shown} is not installed, or not found in PATH: {hint}")
    }

    /// Takes an answer; an error names the plugin.
    fn taken(&self, printed: &[u8]) -> Result<Current, String> {
        let taken = self.take(printed);
        taken.map_err(|error| format!("{} {error}", self.shown()))
    }

    /// Takes an answer; an error quotes nothing of it.
    fn take(&self, printed: &[u8]) -> Result<Current, String> {
        let answer = Answer::parse(printed).filter(|answer| !answer.kind.is_empty());
        let answer = answer.ok_or("printed no `ExecCredential`")?;
        if answer.kind != "ExecCredential" || answer.api_version != self.exec.api_version {
            let (kind, version) = (
                Printable::new(&answer.kind),
                Printable::new(&answer.api_version),
            );
            return Err(format!(
                "printed a `{kind}` of `{version}`, not an `ExecCredential` of `{}`: make the `apiVersion` of its `exec` that of the plugin",
                Printable::new(&self.exec.api_version)
            ));
        }
        let status = answer
            .status
            .ok_or("printed an `ExecCredential` without a `status`")?;
        let token = status.token.filter(|token| !token.is_empty());
        let certificate = status
            .client_certificate_data
            .filter(|text| !text.is_empty());
        let key = status.client_key_data.filter(|text| !text.is_empty());
        let pem = match (&certificate, &key) {
            (Some(certificate), Some(key)) => Some((&**certificate, &**key)),
            (None, None) if token.is_none() => {
                return Err("printed neither a token nor a certificate with its key".to_owned());
            }
            (None, None) => None,
            _ => return Err("printed a certificate or a key without the other".to_owned()),
        };
        let header = token.map(|token| bearer(&token.into(), &self.place));
        let header = header
            .transpose()
            .map_err(|_| "printed a token that no header can hold")?;
        self.identity
            .set(pem)
            .map_err(|error| format!("printed what cannot be used: {error}"))?;
        Ok(Current {
            header,
            expires: status.expiration_timestamp.map(|Time(at)| at),
            is_rejected: false,
        })
    }
}

fn code(status: ExitStatus) -> String {
    status
        .code()
        .map_or_else(|| status.to_string(), |code| format!("exit code {code}"))
}

/// `ExecCredential` of `client.authentication.k8s.io`.
#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Answer {
    kind: String,
    api_version: String,
    status: Option<ExecStatus>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct ExecStatus {
    expiration_timestamp: Option<Time>,
    token: Option<String>,
    client_certificate_data: Option<String>,
    client_key_data: Option<String>,
}

impl Answer {
    /// Reads JSON, or YAML, as Go's client does.
    fn parse(printed: &[u8]) -> Option<Self> {
        if let Ok(answer) = serde_json::from_slice(printed) {
            return Some(answer);
        }
        let text = std::str::from_utf8(printed).ok()?;
        serde_saphyr::from_str(text).ok()
    }
}

#[cfg(test)]
mod tests;
