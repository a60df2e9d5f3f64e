//! Who looks at a write after it is decided and before it is committed.
//!
//! No lock is held meanwhile: an admitter may take its time, or ask another server. If the object has
//! changed by then, the write is decided again. No admitter exists yet; webhooks, policies and quotas
//! will be some.

use std::{fmt, sync::Arc};

use futures::future::BoxFuture;
use serde_json::Value;

use crate::{failure::Failure, wire::asked::Asked};

/// Looks at writes, and may refuse or change them.
pub(crate) trait Admitter: Send + Sync {
    /// Looks at a write; `new` is the object as it is to be stored, absent for a delete.
    ///
    /// # Errors
    ///
    /// Fails with what the client is to get.
    fn admit<'a>(
        &'a self,
        request: &'a Asked,
        old: Option<&'a Value>,
        new: Option<&'a mut Value>,
    ) -> BoxFuture<'a, Result<(), Failure>>;
}

/// All admitters, in their order.
#[derive(Clone, Default)]
pub(crate) struct Admission(Vec<Arc<dyn Admitter>>);

impl Admission {
    #[cfg(test)]
    pub(crate) fn new(admitters: Vec<Arc<dyn Admitter>>) -> Self {
        Self(admitters)
    }

    /// Returns true if every write is admitted at once.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Has each admitter look at a write.
    ///
    /// # Errors
    ///
    /// Fails as the first admitter that refuses the write says.
    pub(crate) async fn admit(
        &self,
        request: &Asked,
        old: Option<&Value>,
        mut new: Option<&mut Value>,
    ) -> Result<(), Failure> {
        for admitter in &self.0 {
            admitter.admit(request, old, new.as_deref_mut()).await?;
        }
        Ok(())
    }
}

impl fmt::Debug for Admission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Admission").field(&self.0.len()).finish()
    }
}
