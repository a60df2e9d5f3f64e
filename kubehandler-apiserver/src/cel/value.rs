//! The values that rules work on.
//!
//! Source: `common/types` of `github.com/google/cel-go`, and `pkg/cel/common/valuesunstructured.go`
//! of `k8s.io/apiserver`.

mod amount;
mod compare;
mod decode;
mod semver;
pub(super) mod times;
mod url;

use std::{collections::BTreeMap, net::IpAddr, sync::Arc};

use jiff::civil::DateTime;
use serde_json::Value;

pub(super) use self::{
    amount::Amount,
    semver::{SemVer, normalized},
    url::Url,
};
use super::types::CelType;
use crate::numbers::go_float;

/// A value.
#[derive(Clone, Debug)]
pub(super) enum CelValue {
    Null,
    Bool(bool),
    Int(i64),
    Uint(u64),
    Double(f64),
    String(Arc<str>),
    Bytes(Arc<[u8]>),
    /// In UTC.
    Timestamp(DateTime),
    /// In nanoseconds.
    Duration(i64),
    List(Arc<CelList>),
    Map(Arc<CelMap>),
    /// The name of a type.
    Type(Arc<str>),
    Optional(Option<Arc<CelValue>>),
    Url(Arc<Url>),
    Quantity(Amount),
    Ip(IpAddr),
    /// An address, and how many of its bits count.
    Cidr(IpAddr, u8),
    SemVer(Arc<SemVer>),
    /// The name of a format, such as `dns1123Label`.
    Format(&'static str),
    /// A part of an object that does not fit its schema: an error once it is used.
    Bad(Arc<str>),
}

/// A list, and what its items are to each other.
#[derive(Clone, Debug, Default)]
pub(super) struct CelList {
    pub(super) items: Vec<CelValue>,
    pub(super) kind: ListKind,
}

/// How two lists are added and compared.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) enum ListKind {
    /// By position.
    #[default]
    Atomic,
    /// As sets.
    Set,
    /// By these fields of their items.
    Keyed(Arc<[Box<str>]>),
}

/// A map or an object.
#[derive(Clone, Debug, Default)]
pub(super) struct CelMap {
    pub(super) entries: BTreeMap<Key, CelValue>,
    /// The fields of an object that its schema does not have; rules see that they are equal, and how
    /// many there are.
    pub(super) unknown: BTreeMap<String, Value>,
    /// Fields that are null count, but cannot be seen.
    pub(super) nulls: usize,
}

/// The key of a map's entry.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Key {
    Bool(bool),
    /// Integers of both signs and whole numbers: equal ones are one key.
    Number(i128, IsUnsigned),
    String(Arc<str>),
}

/// Whether a number is of the type `uint`. Keys are equal whatever this is.
#[derive(Clone, Copy, Debug)]
pub(super) struct IsUnsigned(pub(super) bool);

impl PartialEq for IsUnsigned {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for IsUnsigned {}

impl PartialOrd for IsUnsigned {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for IsUnsigned {
    fn cmp(&self, _: &Self) -> std::cmp::Ordering {
        std::cmp::Ordering::Equal
    }
}

impl Key {
    /// Returns the key that a value is, if it can be one.
    pub(super) fn of(value: &CelValue) -> Option<Self> {
        Some(match value {
            CelValue::Bool(value) => Self::Bool(*value),
            CelValue::Int(value) => Self::Number((*value).into(), IsUnsigned(false)),
            CelValue::Uint(value) => Self::Number((*value).into(), IsUnsigned(true)),
            #[expect(clippy::cast_possible_truncation, reason = "it is whole and in range")]
            CelValue::Double(value) if value.fract() == 0.0 && value.abs() < 2e19 => {
                Self::Number(*value as i128, IsUnsigned(false))
            }
            CelValue::String(value) => Self::String(value.clone()),
            _ => return None,
        })
    }

    pub(super) fn value(&self) -> CelValue {
        match self {
            Self::Bool(value) => CelValue::Bool(*value),
            Self::Number(value, IsUnsigned(true)) => {
                CelValue::Uint(u64::try_from(*value).unwrap_or_default())
            }
            Self::Number(value, _) => CelValue::Int(i64::try_from(*value).unwrap_or_default()),
            Self::String(value) => CelValue::String(value.clone()),
        }
    }
}

impl CelMap {
    pub(super) fn size(&self) -> usize {
        self.entries.len() + self.unknown.len() + self.nulls
    }
}

impl CelValue {
    pub(super) fn list(items: Vec<Self>) -> Self {
        let kind = ListKind::Atomic;
        Self::List(Arc::new(CelList { items, kind }))
    }

    pub(super) fn strings<S: AsRef<str>>(items: impl IntoIterator<Item = S>) -> Self {
        let items = items.into_iter();
        Self::list(items.map(|item| Self::string(item.as_ref())).collect())
    }

    pub(super) fn map(entries: BTreeMap<Key, Self>) -> Self {
        Self::Map(Arc::new(CelMap {
            entries,
            ..CelMap::default()
        }))
    }

    pub(super) fn string(text: &str) -> Self {
        Self::String(text.into())
    }

    pub(super) fn some(value: Self) -> Self {
        Self::Optional(Some(Arc::new(value)))
    }

    /// Returns a size as a number.
    pub(super) fn count(size: usize) -> Self {
        Self::Int(i64::try_from(size).unwrap_or(i64::MAX))
    }

    /// Returns the type of a value that is written down.
    pub(super) fn literal_type(&self) -> CelType {
        match self {
            Self::Null => CelType::Null,
            Self::Bool(_) => CelType::Bool,
            Self::Int(_) => CelType::Int,
            Self::Uint(_) => CelType::Uint,
            Self::Double(_) => CelType::Double,
            Self::String(_) => CelType::String,
            Self::Bytes(_) => CelType::Bytes,
            _ => CelType::Dyn,
        }
    }

    /// Returns the name of a value's type, as `type()` gives it.
    pub(super) fn type_name(&self) -> &'static str {
        match self {
            Self::Null => "null_type",
            Self::Bool(_) => "bool",
            Self::Int(_) => "int",
            Self::Uint(_) => "uint",
            Self::Double(_) => "double",
            Self::String(_) => "string",
            Self::Bytes(_) => "bytes",
            Self::Timestamp(_) => "google.protobuf.Timestamp",
            Self::Duration(_) => "google.protobuf.Duration",
            Self::List(_) => "list",
            Self::Map(_) => "map",
            Self::Type(_) => "type",
            Self::Optional(_) => "optional_type",
            Self::Url(_) => "kubernetes.URL",
            Self::Quantity(_) => "kubernetes.Quantity",
            Self::Ip(_) => "net.IP",
            Self::Cidr(..) => "net.CIDR",
            Self::SemVer(_) => "kubernetes.Semver",
            Self::Format(_) => "kubernetes.NamedFormat",
            Self::Bad(_) => "error",
        }
    }

    /// Returns the value as messages show it.
    pub(super) fn shown(&self) -> String {
        match self {
            Self::Null => "null".to_owned(),
            Self::Bool(value) => value.to_string(),
            Self::Int(value) => value.to_string(),
            Self::Uint(value) => value.to_string(),
            Self::Double(value) => double(*value),
            Self::String(value) => value.to_string(),
            other => other.type_name().to_owned(),
        }
    }

    /// Returns about how much work it is to read the whole value.
    pub(super) fn weight(&self) -> usize {
        match self {
            Self::String(text) => text.len() / 10,
            Self::Bytes(bytes) => bytes.len() / 10,
            Self::List(list) => list.items.len(),
            Self::Map(map) => map.size(),
            _ => 0,
        }
    }
}

/// Returns a double as Go prints it.
pub(super) fn double(value: f64) -> String {
    if value.is_nan() {
        "NaN".to_owned()
    } else if value.is_infinite() {
        if value > 0.0 { "+Inf" } else { "-Inf" }.to_owned()
    } else {
        go_float(value)
    }
}
