//! What a create, an update or a patch asks for.

use std::fmt::Write;

use super::{dry_run, refuse};
use crate::{
    failure::{Cause, Failure, is_printable},
    wire::query::Query,
};

/// The most bytes that the name of a manager has.
pub(crate) const MAX_FIELD_MANAGER: usize = 128;

/// What a create, an update or a patch asks for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct WriteOptions {
    /// Nothing must be stored.
    pub(crate) is_dry_run: bool,
    /// Who writes, by its own account; empty if it does not say.
    pub(crate) field_manager: String,
    /// What to do about fields that the kind does not have.
    pub(crate) field_validation: FieldValidation,
    /// An apply takes what other managers have.
    pub(crate) is_forced: bool,
}

/// What to do about fields that the kind does not have, or that are there twice.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum FieldValidation {
    /// Drop them.
    Ignore,
    /// Drop them, and say so in a header.
    #[default]
    Warn,
    /// Refuse the request.
    Strict,
}

impl FieldValidation {
    /// Returns what a write asks for; a value that there is none of is refused with the other options.
    pub(crate) fn of(query: &Query) -> Self {
        field_validation(&query.text("fieldValidation"), &mut Vec::new())
    }
}

impl WriteOptions {
    /// Reads the options of a POST.
    pub(crate) fn create(query: &Query) -> Result<Self, Failure> {
        Self::parse(query, "CreateOptions", Vec::new())
    }

    /// Reads the options of a PUT.
    pub(crate) fn update(query: &Query) -> Result<Self, Failure> {
        Self::parse(query, "UpdateOptions", Vec::new())
    }

    /// Reads the options of a PATCH that is not an apply.
    pub(crate) fn patch(query: &Query) -> Result<Self, Failure> {
        let force = query.first("force");
        let causes =
            force.map(|_| Cause::forbidden("force", "may not be specified for non-apply patch"));
        Self::parse(query, "PatchOptions", causes.into_iter().collect())
    }

    /// Reads the options of a server-side apply.
    pub(crate) fn apply(query: &Query) -> Result<Self, Failure> {
        let mut causes = Vec::new();
        if query.text("fieldManager").is_empty() {
            causes.push(Cause::required(
                "fieldManager",
                "is required for apply patch",
            ));
        }
        let options = Self::parse(query, "PatchOptions", causes)?;
        Ok(Self {
            is_forced: query.flag("force") == Some(true),
            ..options
        })
    }

    fn parse(query: &Query, kind: &str, mut causes: Vec<Cause>) -> Result<Self, Failure> {
        let field_manager = query.text("fieldManager");
        causes.extend(manager_causes(&field_manager));
        let values: Vec<_> = query.all("dryRun").map(str::to_owned).collect();
        let is_dry_run = dry_run(&values, &mut causes);
        let field_validation = field_validation(&query.text("fieldValidation"), &mut causes);
        refuse(kind, causes)?;
        Ok(Self {
            is_dry_run,
            field_manager,
            field_validation,
            is_forced: false,
        })
    }
}

fn manager_causes(manager: &str) -> Vec<Cause> {
    let mut causes = Vec::new();
    if manager.len() > MAX_FIELD_MANAGER {
        causes.push(Cause::too_long("fieldManager", MAX_FIELD_MANAGER));
    }
    for (position, c) in manager.char_indices().filter(|(_, c)| !is_printable(*c)) {
        let mut detail = String::new();
        write!(
            detail,
            "invalid character U+{:04X} (at position {position})",
            u32::from(c)
        )
        .expect("a string takes what is written to it");
        causes.push(Cause::invalid("fieldManager", manager, &detail));
    }
    causes
}

fn field_validation(value: &str, causes: &mut Vec<Cause>) -> FieldValidation {
    match value {
        "" | "Warn" => FieldValidation::Warn,
        "Ignore" => FieldValidation::Ignore,
        "Strict" => FieldValidation::Strict,
        other => {
            let supported = ["", "Ignore", "Strict", "Warn"];
            causes.push(Cause::not_supported("fieldValidation", other, &supported));
            FieldValidation::Warn
        }
    }
}
