//! The types of expressions, and which of them go together.
//!
//! Source: `checker/types.go` and `checker/format.go` of `github.com/google/cel-go`.

use std::{
    collections::BTreeMap,
    fmt::{self, Display, Formatter},
    sync::Arc,
};

/// The type of an expression.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum CelType {
    /// The type of what is wrong; it goes with every other, so that one mistake is reported once.
    Error,
    /// Known only when the rule runs.
    Dyn,
    Null,
    Bool,
    Int,
    Uint,
    Double,
    String,
    Bytes,
    Timestamp,
    Duration,
    List(Arc<CelType>),
    Map(Arc<(CelType, CelType)>),
    /// The type of a type.
    Type(Option<Arc<CelType>>),
    Object(Arc<CelObject>),
    /// A type of a library, such as `net.IP`, or `optional_type` with its parameter.
    Opaque(Arc<str>, Arc<[CelType]>),
    /// A type that is not known yet.
    Param(Arc<str>),
}

/// An object with known fields.
#[derive(Debug)]
pub(super) struct CelObject {
    /// The path below the value that the rule is about.
    pub(super) name: String,
    /// By escaped names.
    pub(super) fields: BTreeMap<String, CelType>,
}

impl PartialEq for CelObject {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

/// What type parameters stand for.
pub(super) type Bindings = BTreeMap<Arc<str>, CelType>;

const OPTIONAL: &str = "optional_type";

impl CelType {
    pub(super) fn list(items: Self) -> Self {
        Self::List(Arc::new(items))
    }

    pub(super) fn map(keys: Self, values: Self) -> Self {
        Self::Map(Arc::new((keys, values)))
    }

    pub(super) fn optional(value: Self) -> Self {
        Self::Opaque(OPTIONAL.into(), [value].into())
    }

    pub(super) fn is_dyn_or_error(&self) -> bool {
        matches!(self, Self::Dyn | Self::Error)
    }

    /// Returns the type inside of an optional one.
    pub(super) fn unwrapped(&self) -> Option<&Self> {
        match self {
            Self::Opaque(name, parameters) if &**name == OPTIONAL => parameters.first(),
            _ => None,
        }
    }

    /// Reads a type as it is displayed. A name of one capital letter is a parameter.
    pub(super) fn parse(text: &str) -> Self {
        let (name, inner) = match text.split_once('(') {
            Some((name, rest)) => (name, rest.strip_suffix(')').unwrap_or(rest)),
            None => (text, ""),
        };
        let parameters: Vec<Self> = split(inner).map(Self::parse).collect();
        match (name, &*parameters) {
            ("dyn", _) => Self::Dyn,
            ("null", _) => Self::Null,
            ("bool", _) => Self::Bool,
            ("int", _) => Self::Int,
            ("uint", _) => Self::Uint,
            ("double", _) => Self::Double,
            ("string", _) => Self::String,
            ("bytes", _) => Self::Bytes,
            ("timestamp", _) => Self::Timestamp,
            ("duration", _) => Self::Duration,
            ("list", [items]) => Self::list(items.clone()),
            ("map", [keys, values]) => Self::map(keys.clone(), values.clone()),
            ("type", []) => Self::Type(None),
            ("type", [of, ..]) => Self::Type(Some(Arc::new(of.clone()))),
            _ if name.len() == 1 => Self::Param(name.into()),
            _ => Self::Opaque(name.into(), parameters.into()),
        }
    }

    /// Returns the type with its parameters replaced; those without a type become `dyn` if asked for.
    pub(super) fn substituted(&self, bindings: &Bindings, to_dyn: bool) -> Self {
        let inner = |ty: &Self| ty.substituted(bindings, to_dyn);
        match self {
            Self::Param(name) => match bindings.get(name) {
                Some(bound) => inner(bound),
                None if to_dyn => Self::Dyn,
                None => self.clone(),
            },
            Self::List(items) => Self::list(inner(items)),
            Self::Map(both) => Self::map(inner(&both.0), inner(&both.1)),
            Self::Type(Some(of)) => Self::Type(Some(Arc::new(inner(of)))),
            Self::Opaque(name, parameters) => {
                Self::Opaque(name.clone(), parameters.iter().map(inner).collect())
            }
            other => other.clone(),
        }
    }

    /// Returns the name of the type at run time, without parameters.
    pub(super) fn runtime_name(&self) -> String {
        match self {
            Self::Null => "null_type".to_owned(),
            Self::Timestamp => "google.protobuf.Timestamp".to_owned(),
            Self::Duration => "google.protobuf.Duration".to_owned(),
            other => {
                let shown = other.to_string();
                let name = shown.split('(').next().unwrap_or_default();
                name.to_owned()
            }
        }
    }

    /// Returns true if a type parameter of that name is in the type.
    pub(super) fn has_parameter(&self, wanted: &str) -> bool {
        match self {
            Self::Param(name) => **name == *wanted,
            other => other
                .parameters()
                .iter()
                .any(|inner| inner.has_parameter(wanted)),
        }
    }

    fn parameters(&self) -> Vec<&Self> {
        match self {
            Self::List(items) => vec![items],
            Self::Map(both) => vec![&both.0, &both.1],
            Self::Type(Some(of)) => vec![of],
            Self::Opaque(_, parameters) => parameters.iter().collect(),
            _ => Vec::new(),
        }
    }

    /// Null goes with what a protocol buffer can leave out.
    fn is_nullable(&self) -> bool {
        matches!(
            self,
            Self::Opaque(..) | Self::Object(_) | Self::Duration | Self::Timestamp | Self::Null
        )
    }
}

fn split(text: &str) -> impl Iterator<Item = &str> {
    let mut depth = 0;
    let parts = text.split(move |c| {
        match c {
            '(' => depth += 1,
            ')' => depth -= 1,
            _ => {}
        }
        c == ',' && depth == 0
    });
    parts.map(str::trim).filter(|part| !part.is_empty())
}

/// Returns the bindings under which a value of one type can be used as another, if there are any.
pub(super) fn assigned(bindings: &Bindings, from: &CelType, to: &CelType) -> Option<Bindings> {
    let mut bindings = bindings.clone();
    assign(&mut bindings, from, to).then_some(bindings)
}

/// Is [`assigned`] for lists of the same length.
pub(super) fn all_assigned(
    bindings: &Bindings,
    from: &[CelType],
    to: &[CelType],
) -> Option<Bindings> {
    let mut bindings = bindings.clone();
    let mut pairs = from.iter().zip(to);
    let fits = from.len() == to.len() && pairs.all(|(from, to)| assign(&mut bindings, from, to));
    fits.then_some(bindings)
}

fn assign(bindings: &mut Bindings, from: &CelType, to: &CelType) -> bool {
    if let CelType::Param(name) = to {
        match bind(bindings, from, to, name) {
            Bound::Fits => return true,
            Bound::Differs => return false,
            Bound::Circular => {}
        }
    }
    if let CelType::Param(name) = from {
        return matches!(bind(bindings, to, from, name), Bound::Fits);
    }
    if from.is_dyn_or_error() || to.is_dyn_or_error() {
        return true;
    }
    match (from, to) {
        (CelType::Null, other) | (other, CelType::Null) => other.is_nullable(),
        (CelType::Type(_), CelType::Type(_)) => true,
        (CelType::List(_), CelType::List(_)) | (CelType::Map(_), CelType::Map(_)) => {
            assign_parameters(bindings, from, to)
        }
        (CelType::Opaque(one, _), CelType::Opaque(other, _)) => {
            one == other && assign_parameters(bindings, from, to)
        }
        _ => from == to,
    }
}

fn assign_parameters(bindings: &mut Bindings, from: &CelType, to: &CelType) -> bool {
    let (from, to) = (from.parameters(), to.parameters());
    let mut pairs = from.iter().zip(&to);
    from.len() == to.len() && pairs.all(|(from, to)| assign(bindings, from, to))
}

/// What came of binding a parameter to a type.
enum Bound {
    Fits,
    /// The parameter stands for another type already.
    Differs,
    /// The type has the parameter in it.
    Circular,
}

fn bind(bindings: &mut Bindings, ty: &CelType, parameter: &CelType, name: &Arc<str>) -> Bound {
    if ty == parameter {
        return Bound::Fits;
    }
    let Some(known) = bindings.get(name).cloned() else {
        if mentions(bindings, ty, parameter) {
            return Bound::Circular;
        }
        bindings.insert(name.clone(), ty.clone());
        return Bound::Fits;
    };
    if *ty == known {
        return Bound::Fits;
    }
    if !assign(bindings, ty, &known) {
        return Bound::Differs;
    }
    let general = most_general(ty, &known).clone();
    if !mentions(bindings, &general, parameter) {
        bindings.insert(name.clone(), general);
    }
    Bound::Fits
}

fn mentions(bindings: &Bindings, ty: &CelType, parameter: &CelType) -> bool {
    if ty == parameter {
        return true;
    }
    if let CelType::Param(name) = ty {
        return bindings
            .get(name)
            .is_some_and(|bound| mentions(bindings, bound, parameter));
    }
    let mut inner = ty.parameters().into_iter();
    inner.any(|inner| mentions(bindings, inner, parameter))
}

/// Returns the wider of two types that go together.
pub(super) fn most_general<'a>(one: &'a CelType, other: &'a CelType) -> &'a CelType {
    if is_wider_or_equal(one, other) {
        one
    } else {
        other
    }
}

fn is_wider_or_equal(one: &CelType, other: &CelType) -> bool {
    use CelType::{Dyn, List, Map, Opaque, Param, Type};
    match (one, other) {
        (Dyn | Param(_), _) | (Type(_), Type(_)) => true,
        (_, Dyn | Param(_)) => false,
        (Opaque(name, _), Opaque(other_name, _)) if name != other_name => false,
        (Opaque(..), Opaque(..)) | (List(_), List(_)) | (Map(_), Map(_)) => {
            let (one, other) = (one.parameters(), other.parameters());
            let mut pairs = one.iter().zip(&other);
            one.len() == other.len() && pairs.all(|(one, other)| is_wider_or_equal(one, other))
        }
        _ => one == other,
    }
}

impl Display for CelType {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let name = match self {
            Self::Error => "!error!",
            Self::Dyn => "dyn",
            Self::Null => "null",
            Self::Bool => "bool",
            Self::Int => "int",
            Self::Uint => "uint",
            Self::Double => "double",
            Self::String => "string",
            Self::Bytes => "bytes",
            Self::Timestamp => "timestamp",
            Self::Duration => "duration",
            Self::List(_) => "list",
            Self::Map(_) => "map",
            Self::Type(_) => "type",
            Self::Object(object) => &object.name,
            Self::Opaque(name, _) | Self::Param(name) => name,
        };
        f.write_str(name)?;
        let inner = self.parameters();
        if inner.is_empty() {
            return Ok(());
        }
        let inner: Vec<String> = inner.iter().map(ToString::to_string).collect();
        write!(f, "({})", inner.join(", "))
    }
}
