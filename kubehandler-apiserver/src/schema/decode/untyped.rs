//! Goes through JSON of any type, and finds what is there twice.

use std::{collections::HashSet, fmt};

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::findings::{FindingKind, Findings};

/// The members that an operation of a JSON patch can have.
const MEMBERS: [&str; 4] = ["op", "path", "from", "value"];

/// What a value is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Level {
    /// Anything.
    Value,
    /// A JSON patch.
    Operations,
    /// One of its operations.
    Operation,
}

/// A walk through one value.
pub(super) struct Walk<'f> {
    findings: &'f mut Findings,
    level: Level,
}

impl<'f> Walk<'f> {
    pub(super) fn new(findings: &'f mut Findings, level: Level) -> Self {
        Self { findings, level }
    }
}

impl<'de> DeserializeSeed<'de> for Walk<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Walk<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let mut seen = HashSet::new();
        while let Some(name) = map.next_key::<String>()? {
            if self.level == Level::Operation && !MEMBERS.contains(&&*name) {
                self.findings.add(FindingKind::Unknown, &name);
                map.next_value::<IgnoredAny>()?;
                continue;
            }
            if seen.contains(&name) {
                self.findings.add(FindingKind::Duplicate, &name);
            }
            let outer = self.findings.enter_field(&name);
            map.next_value_seed(Walk::new(self.findings, Level::Value))?;
            self.findings.leave(outer);
            seen.insert(name);
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        let level = match self.level {
            Level::Operations => Level::Operation,
            _ => Level::Value,
        };
        for index in 0.. {
            let outer = self.findings.enter_item(index);
            let item = items.next_element_seed(Walk::new(self.findings, level))?;
            self.findings.leave(outer);
            if item.is_none() {
                break;
            }
        }
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        Ok(())
    }
}
