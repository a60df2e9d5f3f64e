//! Nodes: a kubelet creates them together with their status.

use serde_json::Value;

use crate::kinds::strategy::Strategy;

#[derive(Debug)]
pub(super) struct Nodes;

impl Strategy for Nodes {
    fn first_status(&self, node: &Value, _: &str) -> Option<Value> {
        node.get("status").cloned()
    }

    fn storage_path(&self) -> Option<&'static str> {
        Some("minions")
    }
}
