//! What others manage, and an apply would change.
//!
//! Source: `merge/conflict.go` of `sigs.k8s.io/structured-merge-diff`.

use std::{
    collections::BTreeMap,
    fmt::{self, Display, Formatter},
};

use super::paths::FieldPath;
use crate::failure::quoted;

/// A field that somebody else manages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Conflict {
    pub(crate) manager: String,
    pub(crate) path: FieldPath,
}

impl Display for Conflict {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Self { manager, path } = self;
        write!(f, "conflict with {}: {path}", quoted(manager))
    }
}

/// All conflicts of one apply, by manager.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Conflicts(pub(crate) Vec<Conflict>);

impl Display for Conflicts {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        if let [conflict] = self.0.as_slice() {
            return conflict.fmt(f);
        }
        let mut by_manager = BTreeMap::<&str, Vec<&FieldPath>>::new();
        for Conflict { manager, path } in &self.0 {
            by_manager.entry(manager).or_default().push(path);
        }
        for (place, (manager, paths)) in by_manager.into_iter().enumerate() {
            f.write_str(if place > 0 { "\n" } else { "" })?;
            write!(f, "conflicts with {}:", quoted(manager))?;
            paths.iter().try_for_each(|path| write!(f, "\n- {path}"))?;
        }
        Ok(())
    }
}
