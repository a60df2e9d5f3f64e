//! What becomes of fields that a kind does not have, or that a request has twice.
//!
//! Source: `fieldValidation` in `k8s.io/apiserver/pkg/endpoints/handlers`.

use std::{
    mem,
    sync::{Mutex, PoisonError},
};

use crate::wire::options::FieldValidation;

/// What a request asks for, and the warnings that it gets.
#[derive(Debug, Default)]
pub(crate) struct FieldChecks {
    validation: FieldValidation,
    /// What is wrong with a patch itself.
    of_patch: Vec<String>,
    warnings: Mutex<Vec<String>>,
}

impl FieldChecks {
    pub(crate) const fn new(validation: FieldValidation, of_patch: Vec<String>) -> Self {
        Self {
            validation,
            of_patch,
            warnings: Mutex::new(Vec::new()),
        }
    }

    /// Takes what was found in the object that a request brought, or that its patch led to.
    ///
    /// The error is for people: with `Strict` nothing must be found.
    pub(crate) fn judge(&self, found: impl IntoIterator<Item = String>) -> Result<(), String> {
        let found: Vec<String> = self.of_patch.iter().cloned().chain(found).collect();
        if found.is_empty() || self.validation == FieldValidation::Ignore {
            return Ok(());
        }
        if self.validation == FieldValidation::Strict {
            return Err(format!("strict decoding error: {}", found.join(", ")));
        }
        let mut warnings = self.warnings.lock().unwrap_or_else(PoisonError::into_inner);
        // A write that is decided again finds the same again.
        for warning in found {
            if !warnings.contains(&warning) {
                warnings.push(warning);
            }
        }
        Ok(())
    }

    /// Returns what the client is to be told, whatever became of its request.
    pub(crate) fn take_warnings(&self) -> Vec<String> {
        mem::take(&mut self.warnings.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
