//! Defaults must be valid, and have no unknown fields.

use super::super::Structural;
use crate::failure::Cause;

/// Returns what is wrong with the defaults of a schema that is structural otherwise.
///
/// Defaults of embedded metadata are not asked whether they make valid metadata.
pub(super) fn wrong_defaults(schema: &Structural, path: &str) -> Vec<Cause> {
    let mut causes = Vec::new();
    check(schema, path, true, false, &mut causes);
    causes
}

fn check(schema: &Structural, path: &str, is_root: bool, inside: bool, causes: &mut Vec<Cause>) {
    let is_resource = is_root || schema.extensions.embedded_resource;
    let inside = inside && !is_resource;
    if let Some(default) = &schema.default {
        let field = format!("{path}.default");
        let mut pruned = default.clone();
        schema.prune_value(&mut pruned);
        if !inside && pruned != *default {
            let detail = "must not have unknown fields";
            causes.push(Cause::invalid(&field, default.clone(), detail));
        }
        causes.extend(schema.wrong_value(&field, default, None));
    }
    if let Some(items) = &schema.items {
        check(items, &format!("{path}.items"), false, inside, causes);
    }
    for (name, property) in &schema.properties {
        let is_meta = is_resource && ["metadata", "apiVersion", "kind"].contains(&&**name);
        let path = format!("{path}.properties[{name}]");
        check(property, &path, false, inside || is_meta, causes);
    }
}
