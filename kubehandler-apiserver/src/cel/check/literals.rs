//! Lists and maps that are written down, whose items must be of one type, and templates of `format`.
//!
//! Source: `cel/validator.go` and `ext/formatting.go` of `github.com/google/cel-go`.

use super::Checker;
use crate::cel::{
    library::format,
    source::Mistake,
    syntax::{CelNode, ListItem, MapEntry, NodeKind},
    types::{self, CelType},
    value::CelValue,
};

impl Checker {
    pub(super) fn check_list(&mut self, items: &mut [ListItem]) -> CelType {
        let mut joined = None;
        let mut types = Vec::new();
        for item in items {
            let ty = self.check(&mut item.value);
            let ty = self.opened(&item.value, ty, item.is_optional);
            types.push((item.value.at, ty.clone()));
            joined = Some(self.join(joined, ty));
        }
        self.literals.push(types);
        CelType::list(joined.unwrap_or_else(|| self.parameter()))
    }

    pub(super) fn check_map(&mut self, entries: &mut [MapEntry]) -> CelType {
        let (mut keys, mut values) = (None, None);
        let (mut key_types, mut value_types) = (Vec::new(), Vec::new());
        for entry in entries {
            let key = self.check(&mut entry.key);
            key_types.push((entry.key.at, key.clone()));
            keys = Some(self.join(keys, key));
            let value = self.check(&mut entry.value);
            let value = self.opened(&entry.value, value, entry.is_optional);
            value_types.push((entry.value.at, value.clone()));
            values = Some(self.join(values, value));
        }
        self.literals.extend([key_types, value_types]);
        let keys = keys.unwrap_or_else(|| self.parameter());
        let values = values.unwrap_or_else(|| self.parameter());
        CelType::map(keys, values)
    }

    /// Looks at the template of `format` and the values that are written down for it.
    pub(super) fn check_format(&mut self, at: usize, template: &CelNode, items: &CelNode) {
        let (NodeKind::Literal(CelValue::String(template)), NodeKind::List(_)) =
            (&template.kind, &items.kind)
        else {
            return;
        };
        let items = self.literals.last().cloned().unwrap_or_default();
        let (mut used, mut wrong_at) = (0, at);
        let filled = format::fill(template, items.len(), |clause, index| {
            used = index + 1;
            let (at, ty) = &items[index];
            let name = ty.substituted(&self.bindings, true).runtime_name();
            match clause.wrong_type(&name) {
                Some(wrong) => {
                    wrong_at = *at;
                    Err(wrong)
                }
                None => Ok(String::new()),
            }
        });
        let text = match filled {
            Err(text) => text,
            Ok(_) if used < items.len() => format!(
                "too many arguments supplied to string.format (expected {used}, got {})",
                items.len()
            ),
            Ok(_) => return,
        };
        self.wrong_formats.push(Mistake { at: wrong_at, text });
    }

    /// Returns the items of lists and maps that are not of the type of the first.
    pub(super) fn wrong_literals(&mut self) -> Vec<Mistake> {
        let mut wrong = std::mem::take(&mut self.wrong_formats);
        for items in &self.literals {
            let mut types = items
                .iter()
                .map(|(at, ty)| (at, ty.substituted(&self.bindings, true)));
            let Some((_, first)) = types.next() else {
                continue;
            };
            if let Some((at, ty)) = types.find(|(_, ty)| *ty != first) {
                let text = format!("expected type '{first}' but found '{ty}'");
                wrong.push(Mistake { at: *at, text });
            }
        }
        wrong
    }

    /// Returns the type inside of an optional item.
    fn opened(&mut self, item: &CelNode, ty: CelType, is_optional: bool) -> CelType {
        if !is_optional {
            return ty;
        }
        if let Some(inner) = ty.unwrapped() {
            return inner.clone();
        }
        if ty != CelType::Dyn {
            let wanted = CelType::optional(ty.clone());
            let text = format!("expected type '{wanted}' but found '{ty}'");
            self.fail(item.at, text);
        }
        ty
    }

    fn join(&mut self, joined: Option<CelType>, ty: CelType) -> CelType {
        let Some(joined) = joined else {
            return ty;
        };
        if self.bind(&joined, &ty) {
            types::most_general(&joined, &ty).clone()
        } else {
            CelType::Dyn
        }
    }
}
