//! From JSON with fields in it to a message of protobuf with the same fields.

use std::collections::BTreeMap;

use anyhow::{Context as _, bail, ensure};
use serde_json::value::RawValue;

use super::{
    schema::{Kind, Member},
    wire,
};
use crate::pods::{
    self, Revision,
    identity::{Field, Identity},
};

/// A message, ready to be written for any pod.
#[derive(Debug, Default)]
pub(super) struct Message {
    pieces: Vec<Piece>,
    /// How many bytes it has at least.
    least: usize,
}

#[derive(Debug)]
enum Piece {
    Bytes(Vec<u8>),
    Text(Field),
    Number(Field),
    /// A message or text, with its length in front.
    Delimited(Message),
}

type Object<'a> = BTreeMap<String, &'a RawValue>;

impl Message {
    /// Translates an object.
    ///
    /// Fails if the object has a member that the schema does not know, or of another type.
    pub(super) fn translate(members: &[Member], json: &str) -> anyhow::Result<Self> {
        let mut object: Object<'_> = serde_json::from_str(json)?;
        let message = Self::of(members, &mut object)?;
        match object.keys().next() {
            Some(name) => bail!("the schema has no `{name}`"),
            None => Ok(message),
        }
    }

    /// Appends the message.
    pub(super) fn write(&self, identity: &Identity, out: &mut Vec<u8>) {
        for piece in &self.pieces {
            match piece {
                Piece::Bytes(bytes) => out.extend_from_slice(bytes),
                Piece::Text(field) => identity.write(*field, out),
                Piece::Number(field) => wire::varint(identity.number(*field).unwrap_or(0), out),
                Piece::Delimited(message) => message.write_delimited(identity, out),
            }
        }
    }

    /// Appends the message with its length in front.
    pub(super) fn write_delimited(&self, identity: &Identity, out: &mut Vec<u8>) {
        wire::delimited(self.least, out, |out| self.write(identity, out));
    }

    /// Returns how many bytes the message has at least.
    pub(super) fn least(&self) -> usize {
        self.least
    }

    /// Takes the members that the schema knows out of `object`.
    fn of(members: &[Member], object: &mut Object<'_>) -> anyhow::Result<Self> {
        let mut message = Self::default();
        for member in members {
            if let Kind::Embedded(members) = member.kind {
                message.nest(member.number, Self::of(members, object)?);
            } else if let Some(json) = object.remove(member.name) {
                message
                    .member(member, json.get())
                    .with_context(|| format!("in `{}`", member.name))?;
            } else if member.always {
                message.empty(member)?;
            }
        }
        Ok(message)
    }

    fn member(&mut self, member: &Member, json: &str) -> anyhow::Result<()> {
        match member.kind {
            Kind::Map(kind) => {
                let entries: Object<'_> = serde_json::from_str(json)?;
                for (key, json) in entries {
                    let mut entry = Self::default();
                    entry.bytes(|out| wire::text(1, &key, out));
                    entry.value(2, *kind, json.get())?;
                    self.nest(member.number, entry);
                }
            }
            kind if json.starts_with('[') => {
                let elements: Vec<&RawValue> = serde_json::from_str(json)?;
                for json in elements {
                    self.value(member.number, kind, json.get())?;
                }
            }
            kind => self.value(member.number, kind, json)?,
        }
        Ok(())
    }

    fn value(&mut self, number: u32, kind: Kind, json: &str) -> anyhow::Result<()> {
        match kind {
            Kind::Text => self.text(number, &serde_json::from_str::<String>(json)?)?,
            Kind::Number => {
                self.bytes(|out| wire::number_tag(number, out));
                if let Some(field) = only_field(json)? {
                    self.number(field)?;
                } else {
                    let value: u64 = serde_json::from_str(json)?;
                    self.bytes(|out| wire::varint(value, out));
                }
            }
            Kind::Flag => {
                let value: bool = serde_json::from_str(json)?;
                self.bytes(|out| wire::number_tag(number, out));
                self.bytes(|out| wire::varint(value.into(), out));
            }
            Kind::Time => {
                let mut time = Self::default();
                if json != "null" {
                    time.bytes(|out| wire::number_tag(1, out));
                    time.number(only_field(json)?.context("only a field can be a time")?)?;
                    time.bytes(|out| wire::number_tag(2, out));
                    time.bytes(|out| wire::varint(0, out));
                }
                self.nest(number, time);
            }
            Kind::Quantity => {
                let mut quantity = Self::default();
                quantity.value(1, Kind::Text, json)?;
                self.nest(number, quantity);
            }
            Kind::Port => {
                let mut port = Self::default();
                port.value(1, Kind::Number, "1")?; // It is text.
                port.value(2, Kind::Number, "0")?;
                port.value(3, Kind::Text, json)?;
                self.nest(number, port);
            }
            Kind::Json => {
                let mut fields = Self::default();
                fields.text(1, json)?;
                self.nest(number, fields);
            }
            Kind::Message(members) => self.nest(number, Self::translate(members, json)?),
            Kind::Map(_) | Kind::Embedded(_) => bail!("no value can be of this kind"),
        }
        Ok(())
    }

    /// Adds a member that JSON leaves out and protobuf does not.
    fn empty(&mut self, member: &Member) -> anyhow::Result<()> {
        let json = match member.kind {
            Kind::Text => "\"\"",
            Kind::Number => "0",
            Kind::Flag => "false",
            Kind::Time => "null",
            Kind::Message(_) => "{}",
            _ => bail!("`{}` cannot be empty", member.name),
        };
        self.value(member.number, member.kind, json)
    }

    fn text(&mut self, number: u32, text: &str) -> anyhow::Result<()> {
        let mut message = Self::default();
        for piece in pods::pieces(text)? {
            match piece {
                pods::Piece::Text(text) => message.bytes(|out| out.extend_from_slice(&text)),
                pods::Piece::Field(field) => message.pieces.push(Piece::Text(field)),
            }
        }
        self.nest(number, message);
        Ok(())
    }

    fn number(&mut self, field: Field) -> anyhow::Result<()> {
        let is_number = Identity::new(&Revision::of(0, 0)).number(field).is_some();
        ensure!(is_number, "{field:?} is no number");
        self.pieces.push(Piece::Number(field));
        self.least += 1;
        Ok(())
    }

    /// Adds a message in a field; one that is the same in every pod becomes bytes.
    fn nest(&mut self, number: u32, message: Self) {
        self.bytes(|out| wire::tag(number, out));
        match message.pieces.as_slice() {
            [] => self.bytes(|out| out.push(0)),
            [Piece::Bytes(bytes)] => self.bytes(|out| {
                wire::varint(bytes.len() as u64, out);
                out.extend_from_slice(bytes);
            }),
            _ => {
                self.least += wire::width(message.least as u64) + message.least;
                self.pieces.push(Piece::Delimited(message));
            }
        }
    }

    fn bytes(&mut self, write: impl FnOnce(&mut Vec<u8>)) {
        if !matches!(self.pieces.last(), Some(Piece::Bytes(_))) {
            self.pieces.push(Piece::Bytes(Vec::new()));
        }
        if let Some(Piece::Bytes(bytes)) = self.pieces.last_mut() {
            let before = bytes.len();
            write(bytes);
            self.least += bytes.len() - before;
        }
    }
}

/// Returns the field that a value consists of, if it does.
fn only_field(json: &str) -> anyhow::Result<Option<Field>> {
    let text = json
        .strip_prefix('"')
        .and_then(|text| text.strip_suffix('"'));
    let pieces = pods::pieces(text.unwrap_or_default())?;
    Ok(match pieces.as_slice() {
        [pods::Piece::Field(field)] => Some(*field),
        _ => None,
    })
}
