//! What credentials plugins print.
//!
//! `CLIENT_PEM` and `KEY_PEM` stand for a certificate and its key.
#![no_main]

use kubehandler::{
    fuzzing::{Taken, take_answer},
    serde_json::{self, Value},
};
use kubehandler_fuzz::{
    check_message, check_secrecy, files, has_secret, in_time, is_yaml, with_secret,
};

const V1: &str = "client.authentication.k8s.io/v1";
const V1BETA1: &str = "client.authentication.k8s.io/v1beta1";

libfuzzer_sys::fuzz_target!(|printed: &[u8]| {
    let printed = match str::from_utf8(printed) {
        Ok(text) => files().replace_words(text).into_bytes(),
        Err(_) => printed.to_vec(),
    };
    for (expected, other) in [(V1, V1BETA1), (V1BETA1, V1)] {
        match take(expected, &printed) {
            Ok(taken) => check_taken(&taken, expected, other, &printed),
            Err(message) => check_refusal(&message),
        }
    }
    plant(&printed);
});

fn take(version: &str, printed: &[u8]) -> Result<Taken, String> {
    let taken = in_time(|| take_answer("get\ntoken", version, printed));
    taken.map_err(|error| error.to_string())
}

/// A message names the plugin, and says what it printed.
fn check_refusal(message: &str) {
    check_message(message);
    assert!(
        message.contains(r"the credentials plugin `get\ntoken` printed "),
        "{message}"
    );
}

fn check_taken(taken: &Taken, expected: &str, other: &str, printed: &[u8]) {
    let answer = &taken.answer;
    assert_eq!(answer["kind"], "ExecCredential");
    assert_eq!(answer["apiVersion"], expected);
    let token = answer["status"]["token"].as_str().unwrap_or_default();
    let bearer = (!token.is_empty()).then(|| format!("Bearer {}", token.trim()).into_bytes());
    assert_eq!(
        taken.header, bearer,
        "white space around a token does not count"
    );
    assert!(taken.header.is_some() || taken.has_certificate);
    assert!(take(other, printed).is_err(), "it is of another version");

    // Written anew, it says the same.
    let json = answer.to_string();
    let mut texts = vec![json.clone(), format!(" \n{json}\n")];
    if is_yaml(&json) {
        texts.push(format!("# YAML\n{json}"));
    }
    for text in texts {
        let again =
            take(expected, text.as_bytes()).unwrap_or_else(|error| panic!("{error}: {text}"));
        assert_eq!(again.header, taken.header);
        assert_eq!(again.expires, taken.expires);
        assert_eq!(again.has_certificate, taken.has_certificate);
        assert_eq!(again.answer, taken.answer);
    }

    // What is cut short says nothing.
    for length in [json.len() - 1, json.len() / 2, 1] {
        let cut = &json[..json.floor_char_boundary(length)];
        assert!(take(expected, cut.as_bytes()).is_err(), "{cut}");
    }
}

/// Puts the secret into what the answer holds of secrets, and looks for it in the message.
fn plant(printed: &[u8]) {
    if has_secret(&String::from_utf8_lossy(printed)) {
        return;
    }
    let Ok(answer) = serde_json::from_slice::<Value>(printed) else {
        return;
    };
    for member in ["token", "clientCertificateData", "clientKeyData"] {
        let mut answer = answer.clone();
        let Some(Value::String(text)) = answer.pointer_mut(&format!("/status/{member}")) else {
            continue;
        };
        *text = with_secret(text);
        let json = answer.to_string();
        for text in [&*json, &json[..json.len() - 1]] {
            if let Err(message) = take(V1, text.as_bytes()) {
                check_refusal(&message);
                check_secrecy(&message);
            }
        }
    }
}
