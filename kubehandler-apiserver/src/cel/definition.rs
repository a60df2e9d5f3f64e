//! What is wrong with the rules of a definition.
//!
//! Source: `pkg/apis/apiextensions/validation/validation.go` of `k8s.io/apiextensions-apiserver`.

use super::{
    field_path,
    program::{CompiledRule, WrongRule},
    schema::{TYPE_NAME, type_of, with_metadata},
    types::CelType,
    validate::wrong_default,
};
use crate::{
    failure::{Cause, quoted},
    structural::{Additional, Structural, ValidationRule},
};

const RULES: &str = "x-kubernetes-validations";

/// Returns what is wrong with the rules of a schema at the path `field`. All else must be right.
pub(crate) fn wrong_rules(schema: &Structural, field: &str) -> Vec<Cause> {
    let mut wrong = WrongRules::default();
    let whole = with_metadata(schema, true);
    wrong.look(schema, &whole, field, None);
    wrong.paths.append(&mut wrong.expressions);
    if wrong.paths.is_empty() {
        add_wrong_defaults(&whole, field, &mut wrong.paths);
    }
    wrong.paths
}

/// Adds the causes of defaults that break rules.
fn add_wrong_defaults(schema: &Structural, field: &str, causes: &mut Vec<Cause>) {
    causes.extend(wrong_default(schema, &format!("{field}.default")));
    if let Some(items) = &schema.items {
        add_wrong_defaults(items, &format!("{field}.items"), causes);
    }
    for (name, property) in &schema.properties {
        add_wrong_defaults(property, &format!("{field}.properties[{name}]"), causes);
    }
    if let Some(Additional::Schema(values)) = &schema.additional {
        add_wrong_defaults(values, &format!("{field}.additionalProperties"), causes);
    }
}

#[derive(Default)]
struct WrongRules {
    /// Paths that are in no schema; they come first, and hide what is wrong with expressions above.
    paths: Vec<Cause>,
    expressions: Vec<Cause>,
}

impl WrongRules {
    /// Looks at a schema; `whole` is the same with the metadata of resources. `uncorrelatable` is the
    /// path where a value's old one cannot be found any more.
    fn look(
        &mut self,
        schema: &Structural,
        whole: &Structural,
        field: &str,
        uncorrelatable: Option<&str>,
    ) {
        let known = self.paths.len();
        if let Some(Additional::Schema(below)) = &schema.additional
            && let Some(Additional::Schema(whole)) = &whole.additional
        {
            let field = format!("{field}.additionalProperties");
            self.look(below, whole, &field, uncorrelatable);
        }
        for (name, below) in &schema.properties {
            let Some(whole) = whole.properties.get(name) else {
                continue;
            };
            let field = format!("{field}.properties[{name}]");
            self.look(below, whole, &field, uncorrelatable);
        }
        if let (Some(below), Some(whole)) = (&schema.items, &whole.items) {
            let is_keyed = schema.extensions.list_type.as_deref() == Some("map");
            // The outermost list is named.
            let here = (!is_keyed).then_some(field);
            let uncorrelatable = uncorrelatable.or(here);
            self.look(below, whole, &format!("{field}.items"), uncorrelatable);
        }
        for (index, rule) in schema.rules.iter().enumerate() {
            if !rule.field_path.is_empty()
                && field_path::normalized(&rule.field_path, schema).is_none()
            {
                let field = format!("{field}.{RULES}[{index}].fieldPath");
                let path = &*rule.field_path;
                self.paths
                    .push(Cause::invalid(field, path, "must be a valid path"));
            }
        }
        if self.paths.len() == known && !schema.rules.is_empty() {
            self.check(whole, field, uncorrelatable);
        }
    }

    fn check(&mut self, schema: &Structural, field: &str, uncorrelatable: Option<&str>) {
        let Some(this) = type_of(schema, TYPE_NAME) else {
            let detail = "internal error: failed to construct type information for \
                          x-kubernetes-validations rules: unable to convert structural schema to CEL \
                          declarations";
            self.expressions
                .push(Cause::internal(format!("{field}.{RULES}"), detail));
            return;
        };
        for (index, rule) in schema.rules.iter().enumerate() {
            let field = format!("{field}.{RULES}[{index}]");
            self.check_rule(rule, &this, &field, uncorrelatable);
        }
    }

    fn check_rule(
        &mut self,
        rule: &ValidationRule,
        this: &CelType,
        field: &str,
        uncorrelatable: Option<&str>,
    ) {
        if rule.expression.trim().is_empty() {
            return;
        }
        let wrong = match CompiledRule::compile(rule, this) {
            Ok(compiled) => WrongRule {
                uses_old_self: compiled.program.uses_old_self,
                ..WrongRule::default()
            },
            Err(wrong) => wrong,
        };
        let mut push = |name: &str, shown: &str, detail: &str| {
            let field = format!("{field}.{name}");
            self.expressions
                .push(Cause::invalid_shown(field, shown, detail));
        };
        if let Some(detail) = &wrong.rule {
            push("rule", &shown(rule), detail);
        }
        if let Some(detail) = &wrong.message {
            push("messageExpression", &shown(rule), detail);
        }
        if wrong.uses_old_self {
            if let Some(path) = uncorrelatable {
                let detail = format!(
                    "oldSelf cannot be used on the uncorrelatable portion of the schema within {path}"
                );
                push("rule", &quoted(&rule.expression), &detail);
            }
        } else if let Some(optional) = rule.optional_old_self {
            let detail = "may not be set if oldSelf is not used in rule";
            push("optionalOldSelf", &optional.to_string(), detail);
        }
    }
}

/// Returns a rule as the real server prints it: JSON with the names of its own fields.
fn shown(rule: &ValidationRule) -> String {
    let text = |text: &str| escaped(&serde_json::Value::from(text).to_string());
    let reason = rule.reason.as_deref();
    let reason = reason.map_or_else(|| "null".to_owned(), text);
    let optional = rule.optional_old_self;
    let optional = optional.map_or_else(|| "null".to_owned(), |value| value.to_string());
    format!(
        "{{\"Rule\":{},\"Message\":{},\"MessageExpression\":{},\"Reason\":{reason},\"FieldPath\":{},\
         \"OptionalOldSelf\":{optional}}}",
        text(&rule.expression),
        text(&rule.message),
        text(&rule.message_expression),
        text(&rule.field_path),
    )
}

/// Escapes what Go escapes in JSON so that it can stand in HTML.
fn escaped(json: &str) -> String {
    json.replace('<', "\\u003c")
        .replace('>', "\\u003e")
        .replace('&', "\\u0026")
}
