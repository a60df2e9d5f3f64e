//! Which bodies and patches are taken.

use super::*;

#[test]
fn body_is_json_unless_it_says_otherwise() {
    let real = "the body of the request was in an unknown format - accepted media types include: application/json, application/yaml, application/vnd.kubernetes.protobuf";
    let ours = "the body of the request was in an unknown format - accepted media types include: application/json";
    let missing = |what: &str| {
        let failure = Failure::new(415, "UnsupportedMediaType", ours);
        failure.not_embedded(what).message
    };
    let yaml = missing("reading application/yaml");
    let protobuf = missing("reading application/vnd.kubernetes.protobuf");
    let cases = [
        (None, Ok(Codec::Json)),
        (Some(""), Ok(Codec::Json)),
        (Some("application/json"), Ok(Codec::Json)),
        (Some(" APPLICATION/JSON ; charset=utf-8;"), Ok(Codec::Json)),
        (
            Some("application/json; a=\"x;\\\"y\"; b=c; b=c"),
            Ok(Codec::Json),
        ),
        (Some("application/json; a"), Err(real)),
        (Some("application/json;a=1;a=2"), Err(real)),
        (Some("application/json; a=\"x"), Err(real)),
        (Some("application/cbor"), Err(real)),
        (Some("text/plain"), Err(real)),
        (Some("application/yaml"), Err(yaml.as_str())),
        (Some("application/vnd.kubernetes.protobuf"), Err(&protobuf)),
    ];

    for (content_type, expected) in cases {
        let codec = codec_of_body(content_type);
        let expected =
            expected.map_err(|message| Failure::new(415, "UnsupportedMediaType", message));
        assert_eq!(codec, expected, "{content_type:?}");
    }
}

#[test]
fn patches_are_told_apart_by_their_type() {
    let parse = |content_type, is_custom| {
        PatchType::parse(Some(content_type), is_custom).map_err(|failure| failure.message)
    };
    let ours = "the body of the request was in an unknown format - accepted media types include: \
                application/json-patch+json, application/merge-patch+json, \
                application/apply-patch+yaml";
    let ours = ours.to_owned();
    let missing = |what: &str| {
        let failure = Failure::new(415, "UnsupportedMediaType", &*ours);
        Err(failure.not_embedded(what).message)
    };
    let router = "415: Unsupported Media Type".to_owned();

    for is_custom in [false, true] {
        assert_eq!(
            parse("application/json-patch+json", is_custom),
            Ok(PatchType::Json)
        );
        assert_eq!(
            parse("application/merge-patch+json; charset=utf-8", is_custom),
            Ok(PatchType::Merge)
        );
        assert_eq!(
            parse("application/apply-patch+yaml", is_custom),
            Ok(PatchType::Apply)
        );
    }
    let strategic = "application/strategic-merge-patch+json";
    assert_eq!(parse(strategic, false), missing("strategic merge patch"));
    assert_eq!(parse(strategic, true), Err(ours.clone()), "as everywhere");
    for content_type in [
        "",
        "text/plain",
        "application/json",
        "APPLICATION/merge-patch+json",
    ] {
        assert_eq!(
            parse(content_type, false),
            Err(router.clone()),
            "{content_type}"
        );
        assert_eq!(
            parse(content_type, true),
            Err(ours.clone()),
            "{content_type}"
        );
    }
    assert_eq!(parse("application/merge-patch+json ;x", false), Err(ours));
    assert!(PatchType::parse(None, false).is_err());
}
