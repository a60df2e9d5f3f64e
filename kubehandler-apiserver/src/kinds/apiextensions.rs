//! The kinds of the group `apiextensions.k8s.io`.

pub(crate) mod definitions;

use crate::kinds::strategy::{PLAIN, Strategy};

pub(super) fn strategy(plural: &str) -> &'static dyn Strategy {
    match plural {
        "customresourcedefinitions" => &definitions::Definitions,
        _ => &PLAIN,
    }
}
