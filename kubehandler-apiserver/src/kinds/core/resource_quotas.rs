//! The defaults of a resource quota.

use serde_json::Value;

use crate::kinds::defaults;

pub(super) fn default(quota: &mut Value) {
    if let Some(hard) = defaults::spec(quota).and_then(|spec| spec.get_mut("hard")) {
        defaults::round_amounts(hard);
    }
}
