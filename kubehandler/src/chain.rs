//! An error and its causes as one message, without the secrets that some quote and what is said twice.

use std::error::Error;

use kube::{client::AuthError, config::KubeconfigError};

use crate::informer::WithoutValues;

/// Returns the messages of an error and its causes, without those that only repeat another.
///
/// Errors of `kube` quote what they cannot read, and what a credentials plugin printed; that is
/// left out wherever in the chain it is repeated.
pub(crate) fn chain(error: &(dyn Error + 'static)) -> String {
    // Which of its layers failed, kube's client cannot say.
    if let Some(kube::Error::Service(error)) = error.downcast_ref() {
        return chain(&**error);
    }
    let quotes: Vec<Quote> = causes(error).filter_map(Quote::of).collect();
    let mut text = String::new();
    for cause in causes(error) {
        let mut message = cause.to_string();
        for Quote { quoted, instead } in &quotes {
            message = message.replace(quoted.as_str(), instead);
        }
        if !text.contains(&message) {
            if !text.is_empty() {
                text.push_str(": ");
            }
            text.push_str(&message);
        }
    }
    text
}

/// Returns true if an error of the chain quotes what may be secret.
pub(crate) fn quotes_secrets(error: &(dyn Error + 'static)) -> bool {
    causes(error).any(|cause| Quote::of_secrets(cause).is_some())
}

fn causes<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |&error| error.source())
}

/// A part of messages that is left out, and what takes its place.
struct Quote {
    quoted: String,
    instead: String,
}

impl Quote {
    fn new(quoted: &impl ToString, instead: impl Into<String>) -> Self {
        Self {
            quoted: quoted.to_string(),
            instead: instead.into(),
        }
    }

    /// Returns what is to be left out of what `error` itself says, not of its cause.
    fn of(error: &(dyn Error + 'static)) -> Option<Self> {
        if let Some(whole @ kube::Error::Api(status)) = error.downcast_ref() {
            // After its text, `kube` prints the whole status once more, for debugging.
            return Some(Self::new(whole, status.to_string()));
        }
        Self::of_secrets(error)
    }

    fn of_secrets(error: &(dyn Error + 'static)) -> Option<Self> {
        if let Some(kube::Error::SerdeError(error)) = error.downcast_ref() {
            return Some(Self::new(error, WithoutValues(error).to_string()));
        }
        if let Some(KubeconfigError::Parse(error)) = error.downcast_ref() {
            let place = error.location();
            let instead = place.map_or_else(
                || "it is not valid".to_owned(),
                |place| format!("see line {} column {}", place.line(), place.column()),
            );
            return Some(Self::new(error, instead));
        }
        match error.downcast_ref::<AuthError>()? {
            whole @ AuthError::AuthExecRun { out, .. } => Some(Self::new(
                whole,
                format!(
                    "the credentials plugin failed with {}; run it by hand to see what it prints",
                    out.status
                ),
            )),
            AuthError::AuthExecParse(error) => Some(Self::new(error, "it is no `ExecCredential`")),
            AuthError::ParseTokenKey(error) => {
                Some(Self::new(error, WithoutValues(error).to_string()))
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests;
