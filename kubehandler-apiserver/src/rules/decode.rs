//! Reads the object that a request brings: is it of the kind that the endpoint takes?
//!
//! Source: `k8s.io/apiserver/pkg/endpoints/handlers`, and what the real server answers.

use serde_json::{Map, Value};

use super::{Body, FieldChecks, Write, custom, metadata};
use crate::{
    failure::{Cause, Failure},
    group::{GroupResource, GroupVersion},
    kinds::{strategy::Strategy, strategy_of},
    object,
    schema::{builtin, decode as typed},
    structural::Structural,
    wire::media::json,
};

/// The type of the metadata, which the real server checks in custom kinds too.
const METADATA: &str = "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta";

/// A kind in a version, as an endpoint takes it.
#[derive(Clone, Debug)]
pub(crate) struct Expected<'a> {
    pub(crate) api_version: String,
    pub(crate) kind: &'a str,
    /// The kind is custom: it must be named in the body, and is checked late.
    pub(crate) is_custom: bool,
    pub(crate) strategy: &'static dyn Strategy,
    /// What custom objects are.
    pub(crate) schema: Option<&'a Structural>,
    /// It was applied: nulls that may not be there are kept, and refused later, and fields that go are
    /// not told.
    pub(crate) is_applied: bool,
    pub(crate) is_known: fn(&str, &str) -> bool,
    pub(crate) checks: &'a FieldChecks,
}

/// Why a body cannot be read.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Undecodable {
    why: String,
    /// What the body says it is, if it says so.
    kind: Option<(String, String)>,
}

impl Undecodable {
    pub(super) fn new(why: impl Into<String>) -> Self {
        Self {
            why: why.into(),
            kind: None,
        }
    }

    /// What a request that brought the object gets.
    pub(crate) fn of_body(self, expected: &str, bytes: &[u8]) -> Failure {
        let Some((version, kind)) = self.kind else {
            return unrecognized(expected, &self.why, bytes);
        };
        Failure::bad_request(format!(
            "{kind} in version {version:?} cannot be handled as a {expected}: {}",
            self.why
        ))
    }

    /// What a patch that led to the object gets.
    pub(crate) fn of_patch(self, patched: &Value) -> Failure {
        let cause = Cause::invalid("patch", patched.to_string(), &self.why);
        Failure::invalid(GroupResource::none(), "", vec![cause])
    }
}

/// Returns what the sender of bytes gets that are no object: `why` for people.
pub(crate) fn unrecognized(expected: &str, why: &str, bytes: &[u8]) -> Failure {
    Failure::bad_request(format!(
        "the object provided is unrecognized (must be of type {expected}): {why} ({})",
        summary(bytes)
    ))
}

impl Write<'_> {
    /// Returns the kind that the endpoint takes.
    pub(crate) fn expected(&self) -> Expected<'_> {
        Expected {
            api_version: self.api_version(),
            kind: &self.version.kind,
            is_custom: self.resource.rules.is_custom,
            strategy: strategy_of(self.resource),
            schema: self.version.schema.as_deref(),
            is_applied: false,
            is_known: self.is_known,
            checks: self.checks,
        }
    }

    /// Reads the object of a POST or PUT.
    pub(crate) fn decode(&self, body: Body<'_>) -> Result<Value, Failure> {
        let expected = self.expected();
        let Body { value, bytes } = body;
        let object = decode(value, &expected, &bytes)
            .map_err(|wrong| wrong.of_body(expected.kind, &bytes))?;
        self.check_version(&object)?;
        Ok(object)
    }

    /// A body may say that it is of another version of the kind; that is understood, and refused.
    fn check_version(&self, object: &Value) -> Result<(), Failure> {
        let (actual, expected) = (object::text(object, &["apiVersion"]), self.api_version());
        if actual == expected {
            return Ok(());
        }
        Err(Failure::bad_request(format!(
            "the API version in the data ({actual}) does not match the expected API version ({expected})"
        )))
    }
}

/// Returns the object with its kind filled in, its metadata read, and no field that its kind does not have.
///
/// The bytes say the same as the value, and what is there twice.
pub(crate) fn decode(
    mut value: Value,
    expected: &Expected<'_>,
    bytes: &[u8],
) -> Result<Value, Undecodable> {
    let (version, kind) = json::version_and_kind(&value).map_err(Undecodable::new)?;
    let (mut version, mut kind) = (version.to_owned(), kind.to_owned());
    if version.matches('/').count() > 1 {
        return Err(Undecodable::new(format!(
            "unexpected GroupVersion string: {version}"
        )));
    }
    if expected.is_custom {
        if kind.is_empty() {
            let text = String::from_utf8_lossy(bytes);
            return Err(Undecodable::new(format!(
                "Object 'Kind' is missing in '{text}'"
            )));
        }
    } else {
        if version.is_empty() {
            version.clone_from(&expected.api_version);
        }
        if kind.is_empty() {
            expected.kind.clone_into(&mut kind);
        }
    }
    let named = || (GroupVersion::of(&version).version.to_owned(), kind.clone());
    let text = String::from_utf8_lossy(bytes);
    let wrong = |why| Undecodable {
        why,
        kind: Some(named()),
    };
    let found = read_object(&mut value, &text, expected, &version, &kind);
    let mut found = found.map_err(wrong)?;
    let fields = object::as_fields(&mut value);
    fields.insert("apiVersion".to_owned(), Value::from(&*version));
    fields.insert("kind".to_owned(), Value::from(&*kind));
    found.extend(custom::fit(&mut value, expected)?);
    if expected.is_applied {
        found.clear();
    }
    expected.checks.judge(found).map_err(wrong)?;
    Ok(value)
}

fn read_object(
    value: &mut Value,
    text: &str,
    expected: &Expected<'_>,
    version: &str,
    kind: &str,
) -> Result<Vec<String>, String> {
    let found = if expected.is_custom {
        read_custom(value, text)?
    } else {
        if (version, kind) != (&expected.api_version, expected.kind) {
            check_kind(expected, version, kind)?;
        }
        read_builtin(value, text, version, kind)?
    };
    let path = if expected.is_custom { "" } else { "metadata." };
    let empty = Map::new();
    let metadata = value.get("metadata").and_then(Value::as_object);
    let metadata = metadata::read(metadata.unwrap_or(&empty), path)?;
    object::as_fields(value).insert("metadata".to_owned(), Value::Object(metadata));
    if !expected.is_custom {
        expected.strategy.read(value)?;
    }
    expected.strategy.default(value);
    Ok(found)
}

/// Leaves of the object what its type has, and returns what strict decoding has against it.
fn read_builtin(
    value: &mut Value,
    text: &str,
    version: &str,
    kind: &str,
) -> Result<Vec<String>, String> {
    let Some(definition) = builtin::definitions().of_kind(GroupVersion::of(version), kind) else {
        return Ok(Vec::new());
    };
    let decoded = typed::decode(text, definition)?;
    *value = decoded.value;
    Ok(decoded.findings.iter().map(ToString::to_string).collect())
}

/// Returns what strict decoding has against a custom object: only its metadata has a type.
fn read_custom(value: &Value, text: &str) -> Result<Vec<String>, String> {
    let duplicates = typed::duplicates(text);
    let mut found: Vec<String> = duplicates.iter().map(ToString::to_string).collect();
    let Some(metadata) = value.get("metadata") else {
        return Ok(found);
    };
    let definition = builtin::definitions().named(METADATA);
    let definition = definition.expect("every table has the type of the metadata");
    let decoded = typed::decode(&metadata.to_string(), definition)?;
    let paths = decoded.findings.into_iter().map(|finding| finding.path);
    found.extend(paths.map(|path| format!("unknown field \"metadata.{path}\"")));
    Ok(found)
}

/// Succeeds for the same kind in another version of its group, which is refused later.
fn check_kind(expected: &Expected<'_>, version: &str, kind: &str) -> Result<(), String> {
    if !(expected.is_known)(version, kind) {
        return Err(json::no_such_kind(version, kind));
    }
    if kind == expected.kind
        && GroupVersion::of(version).group == GroupVersion::of(&expected.api_version).group
    {
        return Ok(());
    }
    Err(format!(
        "converting ({}.{kind}) to ({}.{}): unknown conversion",
        GroupVersion::of(version).version,
        package(GroupVersion::of(&expected.api_version).group),
        expected.kind
    ))
}

/// Returns what the real server's own types of a group are called.
fn package(group: &str) -> &str {
    match group {
        "" | "events.k8s.io" => "core",
        "internal.apiserver.k8s.io" => "apiserverinternal",
        group => group.split('.').next().unwrap_or(group),
    }
}

/// Returns the beginning of a body: as it is if it could be an object, else in hexadecimal.
fn summary(bytes: &[u8]) -> String {
    const SHOWN: usize = 30;
    let shown = &bytes[..bytes.len().min(SHOWN)];
    let dots = if bytes.len() > SHOWN { " ..." } else { "" };
    match bytes.first() {
        None => "<empty>".to_owned(),
        Some(b'{') => format!("{}{dots}", String::from_utf8_lossy(shown)),
        Some(_) => {
            let digits =
                |byte: &u8| [byte >> 4, byte & 15].map(|digit| char::from_digit(digit.into(), 16));
            let hex: String = shown.iter().flat_map(digits).flatten().collect();
            format!("{hex}{dots}")
        }
    }
}

/// Fails unless a field of a part of the object is a small integer, or not there.
pub(crate) fn check_integer(
    object: &Value,
    part: &str,
    name: &str,
    ty: &str,
) -> Result<(), Undecodable> {
    let wrong = match object::field(object, &[part, name]) {
        None | Some(Value::Null) => return Ok(()),
        Some(Value::Number(number)) => match number.as_i64().map(i32::try_from) {
            Some(Ok(_)) => return Ok(()),
            _ => format!("number {number}"),
        },
        Some(other) => object::type_name(other).to_owned(),
    };
    let version = GroupVersion::of(object::text(object, &["apiVersion"]));
    let version = version.version.to_owned();
    Err(Undecodable {
        why: format!(
            "json: cannot unmarshal {wrong} into Go struct field {ty}.{part}.{name} of type int32"
        ),
        kind: Some((version, object::text(object, &["kind"]).to_owned())),
    })
}
