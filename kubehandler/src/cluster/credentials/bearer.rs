//! Tokens as headers, and which of them a request was signed with.

use http::HeaderValue;
use secrecy::{ExposeSecret, SecretString};

use crate::cluster::error::{ClusterError, Place};

/// Which credentials a request was signed with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Generation(pub(super) u64);

/// Returns the header for a token, without the white space around it.
pub(super) fn bearer(token: &SecretString, place: &Place) -> Result<HeaderValue, ClusterError> {
    let token = token.expose_secret().trim();
    if token.is_empty() {
        return Err(place.invalid("its token is empty: set one, or remove `token`"));
    }
    let value = HeaderValue::from_str(&format!("Bearer {token}"));
    let mut value = value.map_err(|_| {
        place.invalid("its token holds characters that no header can hold, such as line ends")
    })?;
    value.set_sensitive(true);
    Ok(value)
}
