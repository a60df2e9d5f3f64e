//! The defaults of a storage class.

use serde_json::Value;

use crate::{kinds::defaults::default_text, object};

pub(super) fn default(class: &mut Value) {
    let fields = object::as_fields(class);
    default_text(fields, "reclaimPolicy", "Delete");
    default_text(fields, "volumeBindingMode", "Immediate");
}
