//! Decodes a text for the sole purpose of learning which field is wrong, and what it should be.
//!
//! It is a deserializer with an error type of its own, which serde fills with facts instead of
//! words: from a message the value could not be told apart from what is expected.

use std::{borrow::Cow, fmt};

use serde::{
    Deserialize, Deserializer,
    de::{
        self, DeserializeSeed, EnumAccess, Error as _, Expected, MapAccess, SeqAccess, Unexpected,
        VariantAccess, Visitor,
        value::{CowStrDeserializer, MapDeserializer},
    },
    forward_to_deserialize_any,
};

use super::WithoutValues;
use crate::{Printable, informer::object::decode::MAX_DEPTH};

/// What `serde_json` calls a value that is to be kept as its text.
const RAW_VALUE: &str = "$serde_json::private::RawValue";

/// Says what keeps `json` from being a `T`; `None` if it is one after all.
///
/// Runs on the stack on which it was tried to decode the text, which is made for as many levels.
pub(super) fn explain<'de, T: Deserialize<'de>>(json: &'de [u8]) -> Option<Wrong> {
    let mut text = TextOf {
        json,
        at: 0,
        depth: 0,
    };
    T::deserialize(&mut text).err()
}

/// A field and what is wrong with it.
#[derive(Debug)]
pub(super) struct Wrong(Box<ValuePlace>);

#[derive(Debug)]
struct ValuePlace {
    what: What,
    /// The innermost step first.
    path: Vec<PathStep>,
}

#[derive(Debug)]
enum PathStep {
    Name(String),
    Index(usize),
}

/// What is wrong; of a value it has no more than the kind.
#[derive(Debug)]
enum What {
    Type(&'static str, String),
    Value(&'static str, String),
    Length(usize, String),
    UnknownVariant(&'static [&'static str]),
    UnknownField(&'static [&'static str]),
    Missing(&'static str),
    Duplicate(&'static str),
    /// The type refuses it, in words of its own.
    Refused,
    /// The text is no JSON there.
    NoJson,
    TooDeep,
    /// As far as the error of `serde_json` says it.
    Json(String),
}

impl Wrong {
    fn new(what: What) -> Self {
        Self(Box::new(ValuePlace {
            what,
            path: Vec::new(),
        }))
    }

    /// Says of an error of `serde_json` what can be said.
    pub(super) fn of_json(error: &serde_json::Error) -> Self {
        Self::new(What::Json(WithoutValues(error).to_string()))
    }

    fn below(mut self, step: PathStep) -> Self {
        self.0.path.push(step);
        self
    }
}

impl fmt::Display for Wrong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ValuePlace { what, path } = &*self.0;
        if !path.is_empty() {
            write!(f, "`{}`: ", Printable::new(FieldPath(path)))?;
        }
        match what {
            What::Type(found, expected) => write!(f, "invalid type: {found}, expected {expected}"),
            What::Value(found, expected) => {
                write!(f, "invalid value: {found}, expected {expected}")
            }
            What::Length(length, expected) => {
                write!(f, "invalid length {length}, expected {expected}")
            }
            What::UnknownVariant(known) => {
                write!(
                    f,
                    "unknown variant, expected {}",
                    Printable::new(Names(known))
                )
            }
            What::UnknownField(known) => {
                write!(
                    f,
                    "unknown field, expected {}",
                    Printable::new(Names(known))
                )
            }
            What::Missing(field) => write!(f, "missing field `{field}`"),
            What::Duplicate(field) => write!(f, "duplicate field `{field}`"),
            What::Refused => f.write_str("invalid value: its type refuses it"),
            What::NoJson => f.write_str("not JSON"),
            What::TooDeep => write!(f, "nested more than {MAX_DEPTH} levels deep"),
            What::Json(message) => f.write_str(message),
        }
    }
}

/// As in `spec.containers[0].tty`.
struct FieldPath<'a>(&'a [PathStep]);

impl fmt::Display for FieldPath<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, step) in self.0.iter().rev().enumerate() {
            match step {
                PathStep::Name(name) if index == 0 => f.write_str(name)?,
                PathStep::Name(name) => write!(f, ".{name}")?,
                PathStep::Index(index) => write!(f, "[{index}]")?,
            }
        }
        Ok(())
    }
}

struct Names<'a>(&'a [&'a str]);

impl fmt::Display for Names<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            [] => return f.write_str("none"),
            [name] => return write!(f, "`{name}`"),
            [one, other] => return write!(f, "`{one}` or `{other}`"),
            _ => f.write_str("one of ")?,
        }
        for (index, name) in self.0.iter().enumerate() {
            let comma = if index == 0 { "" } else { ", " };
            write!(f, "{comma}`{name}`")?;
        }
        Ok(())
    }
}

impl std::error::Error for Wrong {}

impl de::Error for Wrong {
    fn custom<T: fmt::Display>(_: T) -> Self {
        Self::new(What::Refused)
    }

    fn invalid_type(found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::new(What::Type(kind(found), printed(expected)))
    }

    fn invalid_value(found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::new(What::Value(kind(found), printed(expected)))
    }

    fn invalid_length(length: usize, expected: &dyn Expected) -> Self {
        Self::new(What::Length(length, printed(expected)))
    }

    fn unknown_variant(_: &str, expected: &'static [&'static str]) -> Self {
        Self::new(What::UnknownVariant(expected))
    }

    fn unknown_field(_: &str, expected: &'static [&'static str]) -> Self {
        Self::new(What::UnknownField(expected))
    }

    fn missing_field(field: &'static str) -> Self {
        Self::new(What::Missing(field))
    }

    fn duplicate_field(field: &'static str) -> Self {
        Self::new(What::Duplicate(field))
    }
}

fn printed(expected: &dyn Expected) -> String {
    Printable::new(expected).to_string()
}

/// The kind of a value, in serde's words.
fn kind(found: Unexpected<'_>) -> &'static str {
    match found {
        Unexpected::Bool(_) => "boolean",
        Unexpected::Unsigned(_) | Unexpected::Signed(_) => "integer",
        Unexpected::Float(_) => "floating point",
        Unexpected::Char(_) => "character",
        Unexpected::Str(_) => "string",
        Unexpected::Bytes(_) => "byte array",
        Unexpected::Unit => "null",
        Unexpected::Option => "optional value",
        Unexpected::NewtypeStruct => "newtype struct",
        Unexpected::Seq => "sequence",
        Unexpected::Map => "map",
        Unexpected::Enum
        | Unexpected::UnitVariant
        | Unexpected::NewtypeVariant
        | Unexpected::TupleVariant
        | Unexpected::StructVariant => "enum",
        Unexpected::Other(_) => "another value",
    }
}

/// The text, and where in it the next value begins.
struct TextOf<'de> {
    json: &'de [u8],
    at: usize,
    depth: usize,
}

impl<'de> TextOf<'de> {
    /// Moves to the next byte that is no white space, and returns it.
    fn peek(&mut self) -> Option<u8> {
        while let Some(b' ' | b'\n' | b'\r' | b'\t') = self.json.get(self.at) {
            self.at += 1;
        }
        self.json.get(self.at).copied()
    }

    /// Takes this byte, if it comes next.
    fn take(&mut self, byte: u8) -> bool {
        let is_next = self.peek() == Some(byte);
        self.at += usize::from(is_next);
        is_next
    }

    /// Takes the value that comes next, whatever is in it.
    fn skip(&mut self) -> Result<&'de [u8], Wrong> {
        self.peek();
        let start = self.at;
        let mut depth = 0_usize;
        loop {
            let byte = self.json.get(self.at).ok_or_else(no_json)?;
            self.at += 1;
            match byte {
                b'"' => self.skip_string()?,
                b'{' | b'[' => depth += 1,
                b'}' | b']' => depth = depth.checked_sub(1).ok_or_else(no_json)?,
                b',' | b':' | b' ' | b'\n' | b'\r' | b'\t' if depth > 0 => {}
                _ => {
                    let rest = self.json[self.at..].iter();
                    let is_scalar = |byte: &&u8| !b",:]}\" \n\r\t".contains(byte);
                    self.at += rest.take_while(is_scalar).count();
                }
            }
            if depth == 0 {
                return Ok(&self.json[start..self.at]);
            }
        }
    }

    /// Moves past the string whose opening quote was taken.
    fn skip_string(&mut self) -> Result<(), Wrong> {
        loop {
            match self.json.get(self.at).ok_or_else(no_json)? {
                b'"' => break,
                b'\\' => self.at += 2,
                _ => self.at += 1,
            }
        }
        self.at += 1;
        Ok(())
    }

    /// Takes a value that is no object and no array.
    fn scalar<T: Deserialize<'de>>(&mut self) -> Result<T, Wrong> {
        serde_json::from_slice(self.skip()?).map_err(|_| no_json())
    }

    fn string(&mut self) -> Result<Cow<'de, str>, Wrong> {
        #[derive(Deserialize)]
        struct Borrowed<'a>(#[serde(borrow)] Cow<'a, str>);

        self.scalar::<Borrowed<'de>>().map(|text| text.0)
    }

    /// Reads the next value if it is of the kind that is asked for, by its first byte.
    fn only<V: Visitor<'de>>(
        &mut self,
        is_asked_for: impl FnOnce(u8) -> bool,
        visitor: V,
    ) -> Result<V::Value, Wrong> {
        if self.peek().is_some_and(is_asked_for) {
            return self.deserialize_any(visitor);
        }
        self.deserialize_any(Refusing(&visitor))
    }

    /// Reads what is within an object or an array, of which the opening bracket comes next.
    fn within<T>(
        &mut self,
        close: u8,
        read: impl FnOnce(&mut Inside<'_, 'de>) -> Result<T, Wrong>,
    ) -> Result<T, Wrong> {
        self.at += 1;
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(Wrong::new(What::TooDeep));
        }
        let mut inside = Inside {
            text: self,
            close,
            count: 0,
            is_over: false,
            name: None,
        };
        let read = read(&mut inside)?;
        let count = inside.count;
        if inside.advance()? {
            // The type takes no more.
            return Err(Wrong::invalid_length(count + 1, &"fewer elements"));
        }
        self.depth -= 1;
        Ok(read)
    }
}

fn no_json() -> Wrong {
    Wrong::new(What::NoJson)
}

/// As with `serde_json`, what a type asks for counts, whatever else its visitor would take.
macro_rules! values_that_begin_with {
    ($($method:ident: $first:pat,)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Wrong> {
            self.only(|first| matches!(first, $first), visitor)
        }
    )*};
}

impl<'de> Deserializer<'de> for &mut TextOf<'de> {
    type Error = Wrong;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Wrong> {
        match self.peek().ok_or_else(no_json)? {
            b'{' => self.within(b'}', |inside| visitor.visit_map(inside)),
            b'[' => self.within(b']', |inside| visitor.visit_seq(inside)),
            b'"' => match self.string()? {
                Cow::Borrowed(text) => visitor.visit_borrowed_str(text),
                Cow::Owned(text) => visitor.visit_string(text),
            },
            b't' | b'f' => visitor.visit_bool(self.scalar()?),
            b'n' => {
                self.scalar::<()>()?;
                visitor.visit_unit()
            }
            _ => visit_number(&self.scalar()?, visitor),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Wrong> {
        if self.peek() == Some(b'n') {
            self.scalar::<()>()?;
            return visitor.visit_none();
        }
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Wrong> {
        if name == RAW_VALUE {
            let text = std::str::from_utf8(self.skip()?).map_err(|_| no_json())?;
            return visitor.visit_map(MapDeserializer::new([(RAW_VALUE, text)].into_iter()));
        }
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_bytes<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Wrong> {
        if self.peek() == Some(b'"') {
            return visitor.visit_bytes(self.string()?.as_bytes());
        }
        self.deserialize_seq(visitor)
    }

    fn deserialize_byte_buf<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Wrong> {
        self.deserialize_bytes(visitor)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Wrong> {
        match self.peek() {
            Some(b'{') => self.within(b'}', |inside| visitor.visit_enum(inside)),
            Some(b'"') => {
                let name = self.string()?;
                visitor.visit_enum(CowStrDeserializer::new(name))
            }
            _ => self.deserialize_any(visitor),
        }
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Wrong> {
        self.skip()?;
        visitor.visit_unit()
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Wrong> {
        self.deserialize_unit(visitor)
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, Wrong> {
        self.deserialize_seq(visitor)
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: usize,
        visitor: V,
    ) -> Result<V::Value, Wrong> {
        self.deserialize_seq(visitor)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Wrong> {
        self.only(|first| matches!(first, b'{' | b'['), visitor)
    }

    values_that_begin_with! {
        deserialize_bool: b't' | b'f',
        deserialize_i8: b'-' | b'0'..=b'9',
        deserialize_i16: b'-' | b'0'..=b'9',
        deserialize_i32: b'-' | b'0'..=b'9',
        deserialize_i64: b'-' | b'0'..=b'9',
        deserialize_i128: b'-' | b'0'..=b'9',
        deserialize_u8: b'-' | b'0'..=b'9',
        deserialize_u16: b'-' | b'0'..=b'9',
        deserialize_u32: b'-' | b'0'..=b'9',
        deserialize_u64: b'-' | b'0'..=b'9',
        deserialize_u128: b'-' | b'0'..=b'9',
        deserialize_f32: b'-' | b'0'..=b'9',
        deserialize_f64: b'-' | b'0'..=b'9',
        deserialize_char: b'"',
        deserialize_str: b'"',
        deserialize_string: b'"',
        deserialize_identifier: b'"',
        deserialize_unit: b'n',
        deserialize_seq: b'[',
        deserialize_map: b'{',
    }
}

/// Takes no value, and says what another visitor expects.
struct Refusing<'a, V>(&'a V);

impl<'de, V: Visitor<'de>> Visitor<'de> for Refusing<'_, V> {
    type Value = V::Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.expecting(f)
    }
}

fn visit_number<'de, V: Visitor<'de>>(
    number: &serde_json::Number,
    visitor: V,
) -> Result<V::Value, Wrong> {
    if let Some(number) = number.as_u64() {
        visitor.visit_u64(number)
    } else if let Some(number) = number.as_i64() {
        visitor.visit_i64(number)
    } else {
        visitor.visit_f64(number.as_f64().ok_or_else(no_json)?)
    }
}

/// What is within an object or an array.
struct Inside<'a, 'de> {
    text: &'a mut TextOf<'de>,
    close: u8,
    /// How many members or elements came by now.
    count: usize,
    /// The closing bracket was taken.
    is_over: bool,
    /// The name of the member whose value comes next.
    name: Option<Cow<'de, str>>,
}

impl<'de> Inside<'_, 'de> {
    /// Moves to the next member or element; false after the closing bracket.
    fn advance(&mut self) -> Result<bool, Wrong> {
        if self.is_over {
            return Ok(false);
        }
        if self.text.take(self.close) {
            self.is_over = true;
            return Ok(false);
        }
        if self.count > 0 && !self.text.take(b',') {
            return Err(no_json());
        }
        self.count += 1;
        Ok(true)
    }

    /// Takes the name of a member, and the colon after it.
    fn take_name(&mut self) -> Result<Cow<'de, str>, Wrong> {
        let name = self.text.string()?;
        if self.text.take(b':') {
            return Ok(name);
        }
        Err(no_json())
    }

    /// Says of what is wrong with the value at hand where it is.
    fn step(&mut self) -> PathStep {
        match self.name.take() {
            Some(name) => PathStep::Name(name.into_owned()),
            None => PathStep::Index(self.count - 1),
        }
    }
}

impl<'de> SeqAccess<'de> for &mut Inside<'_, 'de> {
    type Error = Wrong;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, Wrong> {
        if !self.advance()? {
            return Ok(None);
        }
        let element = seed.deserialize(&mut *self.text);
        element.map(Some).map_err(|wrong| wrong.below(self.step()))
    }
}

impl<'de> MapAccess<'de> for &mut Inside<'_, 'de> {
    type Error = Wrong;

    fn next_key_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, Wrong> {
        if !self.advance()? {
            return Ok(None);
        }
        let name = self.take_name()?;
        self.name = Some(name.clone());
        let key = seed.deserialize(KeyWrong(name));
        key.map(Some).map_err(|wrong| wrong.below(self.step()))
    }

    fn next_value_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<T::Value, Wrong> {
        let value = seed.deserialize(&mut *self.text);
        value.map_err(|wrong| wrong.below(self.step()))
    }
}

/// An enum is an object of one member, named as its variant.
impl<'a, 'b, 'de> EnumAccess<'de> for &'a mut Inside<'b, 'de> {
    type Error = Wrong;
    type Variant = &'a mut Inside<'b, 'de>;

    fn variant_seed<T: DeserializeSeed<'de>>(
        self,
        seed: T,
    ) -> Result<(T::Value, Self::Variant), Wrong> {
        let mut access = self;
        match access.next_key_seed(seed)? {
            Some(variant) => Ok((variant, access)),
            None => Err(Wrong::invalid_type(Unexpected::Map, &"a variant")),
        }
    }
}

impl<'de> VariantAccess<'de> for &mut Inside<'_, 'de> {
    type Error = Wrong;

    fn unit_variant(mut self) -> Result<(), Wrong> {
        self.next_value()
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(mut self, seed: T) -> Result<T::Value, Wrong> {
        self.next_value_seed(seed)
    }

    fn tuple_variant<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, Wrong> {
        let value = self.text.deserialize_any(visitor);
        value.map_err(|wrong| wrong.below(self.step()))
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Wrong> {
        let value = self.text.deserialize_any(visitor);
        value.map_err(|wrong| wrong.below(self.step()))
    }
}

/// The name of a member, which may be that of a number or a bool.
struct KeyWrong<'de>(Cow<'de, str>);

impl<'de> KeyWrong<'de> {
    fn scalar<T: de::DeserializeOwned, V: Visitor<'de>>(
        self,
        visitor: V,
        visit: impl FnOnce(V, T) -> Result<V::Value, Wrong>,
    ) -> Result<V::Value, Wrong> {
        match serde_json::from_str(&self.0) {
            Ok(scalar) => visit(visitor, scalar),
            Err(_) => self.deserialize_any(visitor),
        }
    }
}

macro_rules! keys_that_are_numbers {
    ($($method:ident)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Wrong> {
            self.scalar(visitor, |visitor, number| visit_number(&number, visitor))
        }
    )*};
}

impl<'de> Deserializer<'de> for KeyWrong<'de> {
    type Error = Wrong;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Wrong> {
        match self.0 {
            Cow::Borrowed(text) => visitor.visit_borrowed_str(text),
            Cow::Owned(text) => visitor.visit_string(text),
        }
    }

    keys_that_are_numbers! {
        deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64 deserialize_i128
        deserialize_u8 deserialize_u16 deserialize_u32 deserialize_u64 deserialize_u128
        deserialize_f32 deserialize_f64
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Wrong> {
        self.scalar(visitor, Visitor::visit_bool)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Wrong> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Wrong> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Wrong> {
        visitor.visit_enum(CowStrDeserializer::new(self.0))
    }

    forward_to_deserialize_any! {
        char str string bytes byte_buf unit unit_struct seq tuple tuple_struct map struct
        identifier ignored_any
    }
}
