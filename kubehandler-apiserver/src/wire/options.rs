//! What a request asks for beside its object: the options in its query, or in a delete's body.

mod continue_token;
mod delete;
mod list;
#[cfg(test)]
mod tests;
mod version;
mod write;

use crate::failure::{Cause, Failure};
use crate::group::GroupResource;

pub(crate) use self::{
    continue_token::ContinueToken,
    delete::{DeleteOptions, Preconditions, Propagation},
    list::{ListOptions, ListStart},
    version::{GetOptions, ResourceVersion},
    write::{FieldValidation, MAX_FIELD_MANAGER, WriteOptions},
};

const GROUP: &str = "meta.k8s.io";

/// Succeeds if there is nothing wrong; otherwise the options of this kind are refused.
fn refuse(kind: &str, causes: Vec<Cause>) -> Result<(), Failure> {
    if causes.is_empty() {
        Ok(())
    } else {
        Err(Failure::invalid(
            GroupResource::new(GROUP, kind),
            "",
            causes,
        ))
    }
}

/// Returns whether nothing must be stored. `All` is the only value there is.
fn dry_run(values: &[String], causes: &mut Vec<Cause>) -> bool {
    if values.iter().any(|value| value != "All") {
        causes.push(Cause::not_supported("dryRun", values, &["All"]));
    }
    !values.is_empty()
}
