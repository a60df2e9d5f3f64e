//! Finds the overloads that take the arguments of a call.

use super::Checker;
use crate::cel::{
    functions::Overload,
    types::{self, Bindings, CelType},
};

impl Checker {
    /// Returns the type of a call; `of` are the types of its arguments.
    pub(super) fn resolve(
        &mut self,
        at: usize,
        function: &str,
        overloads: &[Overload],
        of: &[CelType],
        is_method: bool,
    ) -> CelType {
        let mut result: Option<CelType> = None;
        let same_style = overloads
            .iter()
            .filter(|overload| overload.is_method == is_method);
        for overload in same_style {
            let fresh = self.fresh(overload);
            let arguments: Vec<_> = overload
                .arguments
                .iter()
                .map(|argument| argument.substituted(&fresh, false))
                .collect();
            let Some(bindings) = types::all_assigned(&self.bindings, of, &arguments) else {
                continue;
            };
            self.bindings = bindings;
            let found = overload.result.substituted(&fresh, false);
            let found = found.substituted(&self.bindings, false);
            result = match result {
                None => Some(found),
                Some(known) if known == CelType::Dyn || known == found => Some(known),
                Some(_) => Some(CelType::Dyn),
            };
        }
        result.unwrap_or_else(|| {
            let of = of.iter().map(|ty| ty.substituted(&self.bindings, true));
            let of: Vec<String> = of.map(|ty| ty.to_string()).collect();
            let signature = match &*of {
                [target, rest @ ..] if is_method => format!("{target}.({})", rest.join(", ")),
                all => format!("({})", all.join(", ")),
            };
            let text =
                format!("found no matching overload for '{function}' applied to '{signature}'");
            self.fail(at, text)
        })
    }

    /// Returns new parameters for those of an overload.
    fn fresh(&mut self, overload: &Overload) -> Bindings {
        let mut fresh = Bindings::new();
        for name in ["A", "B", "K", "T", "V"] {
            if overload.mentions(name) {
                let parameter = self.parameter();
                fresh.insert(name.into(), parameter);
            }
        }
        fresh
    }
}
