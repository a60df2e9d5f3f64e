//! Which values are equal, and which comes first.

use std::cmp::Ordering;

use super::{CelList, CelMap, CelValue, Key, ListKind};

impl CelValue {
    /// Returns true if two values are equal. Values of types that do not go together never are.
    pub(in crate::cel) fn equals(&self, other: &Self) -> bool {
        use CelValue::{
            Bool, Bytes, Cidr, Double, Duration, Format, Int, Ip, List, Map, Null, Optional,
            Quantity, SemVer, String, Timestamp, Type, Uint, Url,
        };
        match (self, other) {
            (Null, Null) => true,
            (Bool(one), Bool(other)) => one == other,
            (Int(_) | Uint(_) | Double(_), Int(_) | Uint(_) | Double(_)) => {
                self.compared(other) == Some(Ordering::Equal)
            }
            (String(one), String(other)) | (Type(one), Type(other)) => one == other,
            (Bytes(one), Bytes(other)) => one == other,
            (Timestamp(one), Timestamp(other)) => one == other,
            (Duration(one), Duration(other)) => one == other,
            (List(one), List(other)) => one.equals(other),
            (Map(one), Map(other)) => one.equals(other),
            (Optional(one), Optional(other)) => match (one, other) {
                (Some(one), Some(other)) => one.equals(other),
                (one, other) => one.is_none() && other.is_none(),
            },
            (Url(one), Url(other)) => one == other,
            (Quantity(one), Quantity(other)) => one.compared(other) == Ordering::Equal,
            (Ip(one), Ip(other)) => one == other,
            (Cidr(one, bits), Cidr(other, other_bits)) => one == other && bits == other_bits,
            (SemVer(one), SemVer(other)) => one.compared(other) == Ordering::Equal,
            (Format(one), Format(other)) => one == other,
            _ => false,
        }
    }

    /// Compares two values; `None` if one is not a number, or their types have no order.
    pub(in crate::cel) fn compared(&self, other: &Self) -> Option<Ordering> {
        use CelValue::{Bool, Bytes, Double, Duration, Int, String, Timestamp, Uint};
        Some(match (self, other) {
            (Bool(one), Bool(other)) => one.cmp(other),
            (Int(one), Int(other)) | (Duration(one), Duration(other)) => one.cmp(other),
            (Uint(one), Uint(other)) => one.cmp(other),
            (Int(one), Uint(other)) => i128::from(*one).cmp(&i128::from(*other)),
            (Uint(one), Int(other)) => i128::from(*one).cmp(&i128::from(*other)),
            (Double(one), Double(other)) => return one.partial_cmp(other),
            (Double(one), Int(other)) => return with_whole(*one, (*other).into()),
            (Double(one), Uint(other)) => return with_whole(*one, (*other).into()),
            (Int(one), Double(other)) => {
                return with_whole(*other, (*one).into()).map(Ordering::reverse);
            }
            (Uint(one), Double(other)) => {
                return with_whole(*other, (*one).into()).map(Ordering::reverse);
            }
            (String(one), String(other)) => one.cmp(other),
            (Bytes(one), Bytes(other)) => one.cmp(other),
            (Timestamp(one), Timestamp(other)) => one.cmp(other),
            _ => return None,
        })
    }

    /// Returns true if two values can be compared, or could if they were numbers.
    pub(in crate::cel) fn has_order_with(&self, other: &Self) -> bool {
        use CelValue::{Double, Int, Uint};
        let is_number = |value: &Self| matches!(value, Int(_) | Uint(_) | Double(_));
        self.compared(other).is_some() || (is_number(self) && is_number(other))
    }
}

#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    reason = "what is out of range is compared before, and fractions after"
)]
fn with_whole(number: f64, whole: i128) -> Option<Ordering> {
    if number.is_nan() {
        return None;
    }
    if number.abs() >= 2e19 {
        return number.partial_cmp(&(whole as f64));
    }
    let order = (number.trunc() as i128).cmp(&whole);
    Some(order.then_with(|| number.fract().partial_cmp(&0.0).unwrap_or(Ordering::Equal)))
}

impl CelList {
    fn equals(&self, other: &Self) -> bool {
        if self.items.len() != other.items.len() {
            return false;
        }
        match &self.kind {
            ListKind::Atomic => {
                let mut pairs = self.items.iter().zip(&other.items);
                pairs.all(|(one, other)| one.equals(other))
            }
            ListKind::Set => {
                let mut items = self.items.iter();
                items.all(|item| other.items.iter().any(|other| other.equals(item)))
            }
            ListKind::Keyed(keys) => {
                let mut items = self.items.iter();
                items.all(|item| {
                    let mut others = other.items.iter();
                    others
                        .find(|other| have_same_keys(item, other, keys))
                        .is_some_and(|other| item.equals(other))
                })
            }
        }
    }

    /// Returns the two lists as one, by what their items are to each other.
    pub(in crate::cel) fn added(&self, other: &Self) -> Self {
        let mut items = self.items.clone();
        for item in &other.items {
            let known = match &self.kind {
                ListKind::Atomic => None,
                ListKind::Set => items.iter().position(|known| known.equals(item)),
                ListKind::Keyed(keys) => items
                    .iter()
                    .position(|known| have_same_keys(known, item, keys)),
            };
            match known {
                Some(place) => items[place] = item.clone(),
                None => items.push(item.clone()),
            }
        }
        let kind = self.kind.clone();
        Self { items, kind }
    }
}

fn have_same_keys(one: &CelValue, other: &CelValue, keys: &[Box<str>]) -> bool {
    let (CelValue::Map(one), CelValue::Map(other)) = (one, other) else {
        return false;
    };
    keys.iter().all(|key| {
        let key = Key::String((&**key).into());
        match (one.entries.get(&key), other.entries.get(&key)) {
            (Some(one), Some(other)) => one.equals(other),
            (one, other) => one.is_none() && other.is_none(),
        }
    })
}

impl CelMap {
    fn equals(&self, other: &Self) -> bool {
        self.size() == other.size()
            && self.entries.len() == other.entries.len()
            && self.unknown == other.unknown
            && self.entries.iter().all(|(key, value)| {
                let found = other.entries.get(key);
                found.is_some_and(|other| value.equals(other))
            })
    }
}
