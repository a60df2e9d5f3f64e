use super::*;

fn plugin() -> Plugin {
    let exec = Exec {
        api_version: "client.authentication.k8s.io/v1".to_owned(),
        command: "x".to_owned(),
        ..Exec::default()
    };
    Plugin::new(
        exec,
        None,
        Place::code(),
        Stages::default(),
        AnswerTimes::of(Duration::MAX),
    )
}

#[test]
fn answer_may_be_json_or_yaml_and_lack_what_is_optional() {
    let v1 = "client.authentication.k8s.io/v1";
    for printed in [
        format!(
            r#"{{"apiVersion":"{v1}","kind":"ExecCredential","status":{{"token":"t","expirationTimestamp":null,"x":1}}}}"#
        ),
        format!("apiVersion: {v1}\nkind: ExecCredential\nspec: {{}}\nstatus: {{token: t}}\n"),
    ] {
        let current = plugin().take(printed.as_bytes()).expect("it can be read");

        assert_eq!(current.header.expect("a token"), "Bearer t");
        assert_eq!(current.expires, None);
    }
}

#[cfg(feature = "rustls-tls")]
#[test]
fn refusal_is_one_printable_line_whatever_is_printed() {
    let key = r"-----BEGIN \u001b[2J PRIVATE KEY-----\nAA\n-----END \u001b[2J PRIVATE KEY-----";
    let certificate = r"-----BEGIN CERTIFICATE-----\nAA\n-----END CERTIFICATE-----";
    let printed = format!(
        r#"{{"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential","status":{{"clientCertificateData":"{certificate}","clientKeyData":"{key}"}}}}"#
    );

    let error = plugin().take(printed.as_bytes()).expect_err("it is no key");

    assert!(error.contains(r"`\u{1b}[2J PRIVATE KEY`"), "{error}");
    assert_eq!(Printable::new(&error).at_most(2_000).to_string(), error);
}
