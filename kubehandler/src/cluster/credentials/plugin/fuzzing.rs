//! Answers of credentials plugins that never ran, for the fuzz targets.

use super::{
    Answer, AnswerTimes, ClusterError, Duration, Exec, Place, Plugin, PluginFailure, Stages, Time,
    Value, json,
};

/// What was taken of an answer.
#[derive(Debug)]
pub struct Taken {
    /// The value of the `Authorization` header, if the plugin gave a token.
    pub header: Option<Vec<u8>>,
    /// When the credentials expire, if the plugin said so.
    pub expires: Option<String>,
    /// The plugin gave a certificate with its key.
    pub has_certificate: bool,
    /// The answer as it was understood, secrets included.
    pub answer: Value,
}

/// Takes what the plugin `command` printed, where an answer of `api_version` is expected.
///
/// # Errors
///
/// Fails as the client does when a plugin prints this.
pub fn take_answer(
    command: &str,
    api_version: &str,
    printed: &[u8],
) -> Result<Taken, ClusterError> {
    let exec = Exec {
        api_version: api_version.to_owned(),
        command: command.to_owned(),
        ..Exec::default()
    };
    let plugin = Plugin::new(
        exec,
        None,
        Place::code(),
        Stages::default(),
        AnswerTimes::of(Duration::MAX),
    );
    let current = plugin.taken(printed);
    let current = current.map_err(|reason| plugin.error(PluginFailure::Invalid(reason)))?;
    let answer = Answer::parse(printed).unwrap_or_default();
    let status = answer.status.unwrap_or_default();
    Ok(Taken {
        header: current.header.map(|value| value.as_bytes().to_vec()),
        expires: current.expires.map(|at| at.to_string()),
        has_certificate: plugin.identity.version() > 0,
        answer: json!({
            "kind": answer.kind,
            "apiVersion": answer.api_version,
            "status": {
                "expirationTimestamp": status.expiration_timestamp.map(|Time(at)| at.to_string()),
                "token": status.token,
                "clientCertificateData": status.client_certificate_data,
                "clientKeyData": status.client_key_data,
            },
        }),
    })
}
