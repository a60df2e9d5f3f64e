//! Reads the table: what the fields of Go's structs are, and what is to be said of them.
//!
//! `generate/schemas.py` says how it is written.

use std::collections::{BTreeMap, HashMap};

use crate::group::GroupVersion;

/// The Go types of the built-in kinds, and all that they refer to.
#[derive(Debug)]
pub(crate) struct BuiltinTypes {
    all: Vec<Definition>,
    /// By group, version and kind.
    kinds: BTreeMap<[&'static str; 3], DefinitionId>,
}

/// The place of a definition.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct DefinitionId(u32);

/// A type with a name.
#[derive(Debug)]
pub(crate) struct Definition {
    /// Such as `io.k8s.api.core.v1.Pod`.
    pub(crate) name: &'static str,
    pub(crate) what: What,
    /// An object of this type is merged as a whole.
    pub(crate) is_atomic: bool,
    /// In the order of their names.
    pub(crate) fields: Vec<Property>,
}

/// How Go reads a type with a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum What {
    /// By its fields.
    Struct,
    /// Anything at all, as it is.
    Any,
    /// As it is; it is to be an object.
    Object,
    /// As it is; it is a whole object of its own.
    RawExtension,
    IntOrString,
    Quantity,
    Time,
    MicroTime,
}

/// A field of a struct.
#[derive(Debug)]
pub(crate) struct Property {
    pub(crate) name: &'static str,
    pub(crate) ty: GoType,
    /// It is left out when it is empty, zero or false.
    pub(crate) omits_empty: bool,
    /// What else the table says of it.
    words: &'static str,
}

/// What Go has in a field.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum GoType {
    String,
    /// Text in JSON, in base64.
    Bytes,
    Bool,
    Int32,
    Int64,
    Double,
    Defined(DefinitionId),
    List(Box<GoType>),
    Map(Box<GoType>),
}

impl BuiltinTypes {
    /// Reads the text of a table.
    pub(super) fn read(text: &'static str) -> Self {
        let heads = text.lines().filter(|line| !line.starts_with(' '));
        let names = heads.zip(0..).map(|(line, place)| {
            let name = line.split(' ').next().unwrap_or_default();
            (name, DefinitionId(place))
        });
        let names: HashMap<&str, DefinitionId> = names.collect();
        let mut definitions = Self {
            all: Vec::with_capacity(names.len()),
            kinds: BTreeMap::new(),
        };
        for line in text.lines() {
            match (line.strip_prefix(' '), definitions.all.last_mut()) {
                (Some(line), Some(last)) => last.fields.push(Property::read(line, &names)),
                _ => definitions.begin(line),
            }
        }
        definitions
    }

    fn begin(&mut self, line: &'static str) {
        let mut words = line.split(' ');
        let name = words.next().unwrap_or_default();
        let what = What::read(words.next().unwrap_or_default());
        let id = DefinitionId(u32::try_from(self.all.len()).expect("the table is small"));
        let mut is_atomic = false;
        for word in words {
            let mut parts = word.splitn(3, '/');
            match (parts.next(), parts.next(), parts.next()) {
                (Some(group), Some(version), Some(kind)) => {
                    self.kinds.insert([group, version, kind], id);
                }
                _ => is_atomic |= word == "atomic",
            }
        }
        self.all.push(Definition {
            name,
            what,
            is_atomic,
            fields: Vec::new(),
        });
    }

    /// Returns what a Go type refers to.
    pub(crate) fn get(&self, id: DefinitionId) -> &Definition {
        &self.all[id.0 as usize]
    }

    /// Returns the type of a kind.
    pub(crate) fn of_kind(&self, of: GroupVersion<'_>, kind: &str) -> Option<&Definition> {
        let id = self.kinds.get(&[of.group, of.version, kind])?;
        Some(self.get(*id))
    }

    /// Returns the type of that name, such as `io.k8s.api.core.v1.Pod`.
    pub(crate) fn named(&self, name: &str) -> Option<&Definition> {
        let place = self
            .all
            .binary_search_by_key(&name, |definition| definition.name);
        place.ok().map(|place| &self.all[place])
    }

    /// Returns all of them, in the order of their names.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Definition> {
        self.all.iter()
    }

    /// Returns what Go calls a type that has no name of its own.
    pub(crate) fn go_name(&self, ty: &GoType) -> String {
        match ty {
            GoType::String => "string".to_owned(),
            GoType::Bytes => "[]uint8".to_owned(),
            GoType::Bool => "bool".to_owned(),
            GoType::Int32 => "int32".to_owned(),
            GoType::Int64 => "int64".to_owned(),
            GoType::Double => "float64".to_owned(),
            GoType::Defined(id) => self.get(*id).go_name().to_owned(),
            GoType::List(items) => format!("[]{}", self.go_name(items)),
            GoType::Map(others) => format!("map[string]{}", self.go_name(others)),
        }
    }
}

impl Definition {
    /// Returns what Go calls the type, such as `v1.Pod`.
    pub(crate) fn go_name(&self) -> &'static str {
        let mut dots = self.name.rmatch_indices('.').skip(1);
        dots.next()
            .map_or(self.name, |(at, _)| &self.name[at + 1..])
    }

    /// Returns the name of the type without its package, such as `Pod`.
    pub(crate) fn short_name(&self) -> &'static str {
        self.name
            .rsplit_once('.')
            .map_or(self.name, |(_, name)| name)
    }

    /// Returns the place of the field of that name.
    pub(crate) fn place(&self, name: &str) -> Option<usize> {
        let place = self.fields.binary_search_by_key(&name, |field| field.name);
        place.ok()
    }
}

impl What {
    fn read(word: &str) -> Self {
        match word {
            "any" => Self::Any,
            "object" => Self::Object,
            "RawExtension" => Self::RawExtension,
            "IntOrString" => Self::IntOrString,
            "Quantity" => Self::Quantity,
            "Time" => Self::Time,
            "MicroTime" => Self::MicroTime,
            _ => Self::Struct,
        }
    }
}

impl Property {
    fn read(line: &'static str, names: &HashMap<&str, DefinitionId>) -> Self {
        let (name, rest) = line.split_once(' ').unwrap_or((line, ""));
        let (ty, words) = rest.split_once(' ').unwrap_or((rest, ""));
        Self {
            name,
            ty: GoType::read(ty, names),
            omits_empty: words.split(' ').any(|word| word == "omitempty"),
            words,
        }
    }

    fn said(&self, key: &str) -> Option<&'static str> {
        let mut words = self.words.split(' ');
        words.find_map(|word| word.strip_prefix(key)?.strip_prefix('='))
    }

    /// Returns whether an object must have the field.
    pub(crate) fn is_required(&self) -> bool {
        self.words.split(' ').any(|word| word == "required")
    }

    /// Returns how a list is merged: `atomic`, `set`, or `map:` and its keys.
    pub(crate) fn list_type(&self) -> Option<&'static str> {
        self.said("list")
    }

    /// Returns how an object is merged: `atomic` or `granular`.
    pub(crate) fn map_type(&self) -> Option<&'static str> {
        self.said("map")
    }

    /// Returns what a strategic merge does here, such as `merge` or `merge,retainKeys`.
    pub(crate) fn patch_strategy(&self) -> Option<&'static str> {
        self.said("patch")
    }

    /// Returns the field that tells the items of a list apart in a strategic merge.
    pub(crate) fn patch_merge_key(&self) -> Option<&'static str> {
        self.said("key")
    }

    /// Returns what the field is where it is left out, as JSON.
    pub(crate) fn default(&self) -> Option<&'static str> {
        self.said("default")
    }

    /// Returns what Go calls the type, if it has a name of its own.
    pub(crate) fn go_name(&self) -> Option<&'static str> {
        self.said("go")
    }

    /// Returns the embedded struct that has the field, if one has.
    pub(crate) fn embedded_in(&self) -> Option<&'static str> {
        self.said("in")
    }
}

impl GoType {
    fn read(word: &str, names: &HashMap<&str, DefinitionId>) -> Self {
        if let Some(items) = word.strip_prefix("[]") {
            return Self::List(Box::new(Self::read(items, names)));
        }
        if let Some(others) = word.strip_prefix("{}") {
            return Self::Map(Box::new(Self::read(others, names)));
        }
        if let Some(name) = word.strip_prefix('@') {
            return Self::Defined(names[name]);
        }
        match word {
            "bytes" => Self::Bytes,
            "bool" => Self::Bool,
            "int32" => Self::Int32,
            "int64" => Self::Int64,
            "double" => Self::Double,
            _ => Self::String,
        }
    }
}
