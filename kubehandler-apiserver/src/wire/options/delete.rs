//! What a delete asks for.

#[cfg(test)]
mod tests;

use serde_json::Value;

use super::{dry_run, refuse};
use crate::{
    failure::{Cause, Failure},
    wire::{
        media::{
            codec_of_body,
            json::{self, Struct},
        },
        query::Query,
    },
};

const UNSAFE: &str = "ignoreStoreReadErrorWithClusterBreakingPotential";

/// What a delete asks for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct DeleteOptions {
    /// Seconds that the object gets; the kind has its own if there is none.
    pub(crate) grace_period_seconds: Option<i64>,
    /// What the object must still be.
    pub(crate) preconditions: Preconditions,
    /// What becomes of its dependents; the kind has its own if there is none.
    pub(crate) propagation: Option<Propagation>,
    /// The older way to say it, which changes the code of the answer: a delete that is not done at
    /// once is 202 if this is `false`.
    pub(crate) orphans_dependents: Option<bool>,
    /// Nothing must be deleted.
    pub(crate) is_dry_run: bool,
    /// The object is to go even if it cannot be read, and only then.
    pub(crate) ignores_read_errors: bool,
}

/// What an object must still be for its delete to go on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Preconditions {
    /// Its uid.
    pub(crate) uid: Option<String>,
    /// Its resourceVersion, which need not be a number.
    pub(crate) resource_version: Option<String>,
}

/// What becomes of the dependents of a deleted object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Propagation {
    /// They go first.
    Foreground,
    /// They go later.
    Background,
    /// They stay.
    Orphan,
}

/// The options as they came.
#[derive(Default)]
struct Raw {
    grace_period_seconds: Option<i64>,
    preconditions: Option<Preconditions>,
    orphan_dependents: Option<bool>,
    propagation_policy: Option<String>,
    dry_run: Vec<String>,
    ignore_read_errors: Option<bool>,
}

impl DeleteOptions {
    /// Reads the options of a delete: the body's, and the query's only if there is no body.
    pub(crate) fn parse(
        query: &Query,
        content_type: Option<&str>,
        body: &[u8],
    ) -> Result<Self, Failure> {
        if body.is_empty() {
            return Raw::from_query(query)?.checked();
        }
        let codec = codec_of_body(content_type)?;
        let value = codec.decode(body).map_err(|why| {
            Failure::bad_request(format!(
                "couldn't get version/kind; json parse error: {why}"
            ))
        })?;
        Raw::from_body(&value)
            .map_err(Failure::bad_request)?
            .checked()
    }

    /// Succeeds if the options can stand for a collection.
    pub(crate) fn for_collection(self) -> Result<Self, Failure> {
        let detail = "is not allowed with DELETECOLLECTION, try again after removing the option";
        let cause = self
            .ignores_read_errors
            .then(|| Cause::invalid(UNSAFE, true, detail));
        refuse("DeleteOptions", cause.into_iter().collect())?;
        Ok(self)
    }

    /// Returns what becomes of the dependents, in either way to say it.
    pub(crate) fn wanted_propagation(&self) -> Option<Propagation> {
        self.propagation.or_else(|| {
            self.orphans_dependents.map(|orphans| {
                if orphans {
                    Propagation::Orphan
                } else {
                    Propagation::Background
                }
            })
        })
    }
}

impl Raw {
    fn from_query(query: &Query) -> Result<Self, Failure> {
        let filled = |key| {
            query
                .first(key)
                .filter(|value| !value.is_empty())
                .map(str::to_owned)
        };
        let (uid, resource_version) = (filled("uid"), filled("resourceVersion"));
        let is_conditional = uid.is_some() || resource_version.is_some();
        Ok(Self {
            grace_period_seconds: query.integer("gracePeriodSeconds")?,
            preconditions: is_conditional.then_some(Preconditions {
                uid,
                resource_version,
            }),
            orphan_dependents: query.flag("orphanDependents"),
            propagation_policy: query.first("propagationPolicy").map(str::to_owned),
            dry_run: query.all("dryRun").map(str::to_owned).collect(),
            ignore_read_errors: query.flag(UNSAFE),
        })
    }

    fn from_body(value: &Value) -> Result<Self, String> {
        check_kind(value)?;
        let fields = Struct::new(value, "DeleteOptions", "v1.DeleteOptions")?;
        let owned = |text: Option<&str>| text.map(str::to_owned);
        let preconditions = fields.nested("preconditions", "v1.Preconditions")?;
        let preconditions = preconditions.map(|fields| {
            let uid = owned(fields.text("uid", "types.UID")?);
            let resource_version = owned(fields.text("resourceVersion", "string")?);
            Ok::<_, String>(Preconditions {
                uid,
                resource_version,
            })
        });
        Ok(Self {
            grace_period_seconds: fields.integer("gracePeriodSeconds")?,
            preconditions: preconditions.transpose()?,
            orphan_dependents: fields.flag("orphanDependents")?,
            propagation_policy: owned(fields.text("propagationPolicy", "v1.DeletionPropagation")?),
            dry_run: fields.texts("dryRun")?,
            ignore_read_errors: fields.flag(UNSAFE)?,
        })
    }

    fn checked(self) -> Result<DeleteOptions, Failure> {
        let mut causes = Vec::new();
        let propagation = self.propagation(&mut causes);
        let is_dry_run = dry_run(&self.dry_run, &mut causes);
        let ignores_read_errors = self.ignore_read_errors == Some(true);
        if ignores_read_errors {
            causes.extend(self.unsafe_causes());
        }
        refuse("DeleteOptions", causes)?;
        Ok(DeleteOptions {
            grace_period_seconds: self.grace_period_seconds,
            preconditions: self.preconditions.unwrap_or_default(),
            propagation,
            orphans_dependents: self.orphan_dependents,
            is_dry_run,
            ignores_read_errors,
        })
    }

    fn propagation(&self, causes: &mut Vec<Cause>) -> Option<Propagation> {
        let field = "propagationPolicy";
        let policy = self.propagation_policy.as_deref()?;
        if self.orphan_dependents.is_some() {
            let detail = "orphanDependents and deletionPropagation cannot be both set";
            causes.push(Cause::invalid(field, policy, detail));
        }
        match policy {
            "Foreground" => Some(Propagation::Foreground),
            "Background" => Some(Propagation::Background),
            "Orphan" => Some(Propagation::Orphan),
            other => {
                let supported = ["Foreground", "Background", "Orphan", "nil"];
                causes.push(Cause::not_supported(field, other, &supported));
                None
            }
        }
    }

    /// An object that cannot be read leaves nothing that another option could mean.
    fn unsafe_causes(&self) -> impl Iterator<Item = Cause> {
        let others = [
            ("propagationPolicy", self.propagation_policy.is_some()),
            ("orphanDependents", self.orphan_dependents.is_some()),
            ("gracePeriodSeconds", self.grace_period_seconds.is_some()),
            ("preconditions", self.preconditions.is_some()),
        ];
        others
            .into_iter()
            .filter(|(_, is_set)| *is_set)
            .map(|(field, _)| {
                Cause::invalid(
                    UNSAFE,
                    true,
                    &format!("cannot be set together with .{field}"),
                )
            })
    }
}

/// A body need not say what it is; if it does, it must be `DeleteOptions` of any group.
fn check_kind(value: &Value) -> Result<(), String> {
    let (version, kind) = json::version_and_kind(value)?;
    if version.matches('/').count() > 1 {
        return Err(format!("unexpected GroupVersion string: {version}"));
    }
    match kind {
        "" | "DeleteOptions" => Ok(()),
        kind => {
            let version = if version.is_empty() { "v1" } else { version };
            Err(json::no_such_kind(version, kind))
        }
    }
}
