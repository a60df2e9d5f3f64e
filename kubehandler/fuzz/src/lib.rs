//! What the targets share: the rules for messages and logs, a secret, and files to name.

mod files;
mod log;

use std::time::{Duration, Instant};

use kubehandler::Printable;

pub use files::{Files, files};
pub use log::{Log, log};

/// Planted where a secret stands in an input; no message may hold it.
///
/// Its length is a multiple of three, so that its base64 is the same wherever a text begins with it.
pub const SECRET: &str = "hunter2hunter2hunter2";

/// What of the secret would give it away, in small letters: as text, and as base64.
const TRACES: [&str; 2] = ["hunter2", "ahvudgvymmh1bnrl"];

/// The most characters of a message: some texts from outside, each of a bounded length.
const MAX_MESSAGE: usize = 3_000;

/// How long one input may take, on a machine that does other things as well.
const MAX_TIME: Duration = Duration::from_secs(10);

/// Panics unless a message is one printable line of a bounded length.
pub fn check_message(message: &str) {
    let shown = Printable::new(message).at_most(usize::MAX).to_string();
    assert_eq!(shown, message, "it is not one printable line");
    assert!(
        message.chars().count() <= MAX_MESSAGE,
        "it is too long: {message}"
    );
}

/// Returns true if a text holds the secret, or a part of it.
pub fn has_secret(text: &str) -> bool {
    let text = text.to_ascii_lowercase();
    TRACES.iter().any(|trace| text.contains(trace))
}

/// Panics if a text that others may read holds the secret.
pub fn check_secrecy(text: &str) {
    assert!(!has_secret(text), "it gives the secret away: {text}");
}

/// Returns `text` with the secret in its middle.
pub fn with_secret(text: &str) -> String {
    let middle = text.floor_char_boundary(text.len() / 2);
    let (before, after) = text.split_at(middle);
    format!("{before}{SECRET}{after}")
}

/// Puts a user and the secret as its password into an address, in front of its host.
pub fn with_password(address: &str, password: &str) -> String {
    match address.split_once("://").filter(|_| has_scheme(address)) {
        Some((scheme, rest)) => format!("{scheme}://user:{password}@{rest}"),
        None => format!("user:{password}@{address}"),
    }
}

/// Returns true if an address begins with a scheme, and not with a user or a path.
pub fn has_scheme(address: &str) -> bool {
    let is_scheme = |byte: u8| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte);
    let scheme = address.split_once("://");
    scheme.is_some_and(|(scheme, _)| scheme.bytes().all(is_scheme))
}

/// Runs `read`, and panics if it takes too long.
pub fn in_time<T>(read: impl FnOnce() -> T) -> T {
    let start = Instant::now();
    let read = read();
    assert!(start.elapsed() < MAX_TIME, "it took {:?}", start.elapsed());
    read
}

/// Returns true if YAML may hold a text of JSON as it is: it forbids some characters, and long keys.
pub fn is_yaml(json: &str) -> bool {
    let is_plain = |byte: u8| matches!(byte, b' '..=b'~' | b'\n');
    json.len() < 1_000 && json.bytes().all(is_plain)
}
