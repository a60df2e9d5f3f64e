use super::*;

fn plugin() -> Plugin {
    let exec = Exec {
        api_version: "client.authentication.k8s.io/v1".to_owned(),
        command: "x".to_owned(),
        ..Exec::default()
    };
    Plugin::new(exec, None, Place::code(), Stages::default(), Duration::MAX)
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
