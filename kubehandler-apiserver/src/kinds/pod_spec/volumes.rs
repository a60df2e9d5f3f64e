//! The defaults of a volume.

use serde_json::{Value, json};

use super::{containers::default_source, default_claim};
use crate::kinds::defaults::{Fields, default, default_text, items, part};

/// The mode of files that only their owner may write: `rw-r--r--`.
const MODE: i64 = 0o644;

/// Fills in what a volume leaves out; one without a source is an empty folder.
pub(super) fn default_volume(volume: &mut Fields) {
    if volume.keys().all(|name| name == "name") {
        volume.insert("emptyDir".to_owned(), json!({}));
    }
    for source in ["configMap", "downwardAPI", "projected", "secret"] {
        if let Some(source) = part(volume, source) {
            default(source, "defaultMode", MODE);
        }
    }
    if let Some(path) = part(volume, "hostPath") {
        default(path, "type", "");
    }
    if let Some(downward) = part(volume, "downwardAPI") {
        items(downward, "items").for_each(default_source);
    }
    if let Some(projected) = part(volume, "projected") {
        items(projected, "sources").for_each(default_projection);
    }
    default_storage(volume);
    if let Some(template) =
        part(volume, "ephemeral").and_then(|claim| part(claim, "volumeClaimTemplate"))
    {
        default(template, "metadata", json!({}));
        if let Some(spec) = part(template, "spec") {
            default_claim(spec);
        }
    }
}

fn default_projection(source: &mut Fields) {
    if let Some(token) = part(source, "serviceAccountToken") {
        default(token, "expirationSeconds", 3_600);
    }
    if let Some(downward) = part(source, "downwardAPI") {
        items(downward, "items").for_each(default_source);
    }
}

/// Fills in what the older kinds of network storage leave out.
fn default_storage(volume: &mut Fields) {
    if let Some(iscsi) = part(volume, "iscsi") {
        default_text(iscsi, "iscsiInterface", "default");
    }
    if let Some(rbd) = part(volume, "rbd") {
        default_text(rbd, "pool", "rbd");
        default_text(rbd, "user", "admin");
        default_text(rbd, "keyring", "/etc/ceph/keyring");
    }
    if let Some(disk) = part(volume, "azureDisk") {
        for (name, value) in [
            ("cachingMode", Value::from("ReadWrite")),
            ("fsType", Value::from("ext4")),
            ("kind", Value::from("Shared")),
            ("readOnly", Value::from(false)),
        ] {
            default(disk, name, value);
        }
    }
    if let Some(scale) = part(volume, "scaleIO") {
        default_text(scale, "storageMode", "ThinProvisioned");
        default_text(scale, "fsType", "xfs");
    }
}
