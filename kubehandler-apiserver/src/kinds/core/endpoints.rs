//! The defaults of endpoints.

use serde_json::Value;

use crate::{
    kinds::defaults::{default_text, items},
    object,
};

pub(super) fn default(endpoints: &mut Value) {
    for subset in items(object::as_fields(endpoints), "subsets") {
        for port in items(subset, "ports") {
            default_text(port, "protocol", "TCP");
        }
    }
}
