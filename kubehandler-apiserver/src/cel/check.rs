//! Finds out the types of a rule's parts, and what is wrong with them.
//!
//! Names of types become values, and functions in a namespace, such as `sets.contains`, lose their
//! target.
//!
//! Source: `checker/checker.go` of `github.com/google/cel-go`.

mod literals;
mod overloads;

use std::sync::Arc;

use super::{
    functions,
    schema::is_reserved,
    source::Mistake,
    syntax::{CelNode, Fold, NodeKind},
    types::{self, Bindings, CelType},
    value::CelValue,
};

/// The types that rules can name, as they are displayed and as they are named at run time.
const NAMED_TYPES: [(&str, &str); 15] = [
    ("bool", "bool"),
    ("bytes", "bytes"),
    ("double", "double"),
    ("int", "int"),
    ("list", "list(dyn)"),
    ("map", "map(dyn, dyn)"),
    ("null_type", "null"),
    ("string", "string"),
    ("type", "type"),
    ("uint", "uint"),
    ("google.protobuf.Duration", "duration"),
    ("google.protobuf.Timestamp", "timestamp"),
    ("optional_type", "optional_type(dyn)"),
    ("net.IP", "net.IP"),
    ("net.CIDR", "net.CIDR"),
];

/// What a rule is, once it is known to be right.
pub(super) struct Typed {
    pub(super) ty: CelType,
    pub(super) uses_old_self: bool,
}

/// Checks a rule about values of type `this`; `old` is the type of `oldSelf`.
pub(super) fn check(
    node: &mut CelNode,
    this: &CelType,
    old: &CelType,
) -> Result<Typed, Vec<Mistake>> {
    let mut checker = Checker {
        scope: vec![
            ("self".into(), this.clone()),
            ("oldSelf".into(), old.clone()),
        ],
        bindings: Bindings::new(),
        parameters: 0,
        uses_old_self: false,
        literals: Vec::new(),
        wrong_formats: Vec::new(),
        wrong: Vec::new(),
    };
    let ty = checker.check(node);
    if !checker.wrong.is_empty() {
        return Err(checker.wrong);
    }
    let wrong = checker.wrong_literals();
    if !wrong.is_empty() {
        return Err(wrong);
    }
    Ok(Typed {
        ty: ty.substituted(&checker.bindings, true),
        uses_old_self: checker.uses_old_self,
    })
}

struct Checker {
    /// The innermost variable is last.
    scope: Vec<(Arc<str>, CelType)>,
    bindings: Bindings,
    /// How many parameters were made.
    parameters: usize,
    uses_old_self: bool,
    /// The items, keys or values of lists and maps that are written down, which must be of one type.
    literals: Vec<Vec<(usize, CelType)>>,
    wrong_formats: Vec<Mistake>,
    wrong: Vec<Mistake>,
}

impl Checker {
    fn check(&mut self, node: &mut CelNode) -> CelType {
        let at = node.at;
        match &mut node.kind {
            NodeKind::Literal(value) => value.literal_type(),
            NodeKind::Ident(_) | NodeKind::Select { .. } => self.check_name(node),
            NodeKind::Call { .. } => self.check_call(node),
            NodeKind::List(items) => self.check_list(items),
            NodeKind::Map(entries) => self.check_map(entries),
            NodeKind::Struct(name) => {
                let text = format!("undeclared reference to '{name}' (in container '')");
                self.fail(at, text)
            }
            NodeKind::Fold(fold) => self.check_fold(fold),
        }
    }

    fn fail(&mut self, at: usize, text: String) -> CelType {
        self.wrong.push(Mistake { at, text });
        CelType::Error
    }

    /// Checks a variable, the name of a type, or the selection of a field.
    fn check_name(&mut self, node: &mut CelNode) -> CelType {
        let name = node.qualified_name();
        if let Some(name) = &name
            && let Some(ty) = self.check_qualified(node, name)
        {
            return ty;
        }
        let at = node.at;
        match &mut node.kind {
            NodeKind::Select {
                operand,
                field,
                is_test,
            } => {
                let ty = self.check_field(at, operand, field, false);
                if *is_test { CelType::Bool } else { ty }
            }
            NodeKind::Ident(name) => {
                let text = format!("undeclared reference to '{name}' (in container '')");
                self.fail(at, text)
            }
            _ => CelType::Error,
        }
    }

    fn check_qualified(&mut self, node: &mut CelNode, name: &str) -> Option<CelType> {
        let plain = name.strip_prefix('.').unwrap_or(name);
        let globals = &self.scope[..2];
        let scope = if plain == name { &*self.scope } else { globals };
        if let Some(place) = scope.iter().rposition(|(known, _)| **known == *plain) {
            self.uses_old_self |= place == 1;
            if plain != name {
                node.kind = NodeKind::Ident(plain.into());
            }
            return Some(self.scope[place].1.clone());
        }
        let (_, ty) = NAMED_TYPES.iter().find(|(known, _)| *known == plain)?;
        node.kind = NodeKind::Literal(CelValue::Type(plain.into()));
        Some(CelType::Type(Some(Arc::new(CelType::parse(ty)))))
    }

    fn check_field(
        &mut self,
        at: usize,
        operand: &mut CelNode,
        field: &mut Arc<str>,
        is_optional: bool,
    ) -> CelType {
        let operand = self.check(operand).substituted(&self.bindings, false);
        let inner = operand.unwrapped();
        let wraps = is_optional || inner.is_some();
        let found = match inner.unwrap_or(&operand) {
            CelType::Map(both) => both.1.clone(),
            CelType::Object(object) => {
                // A field may have the name of a keyword.
                let keyword = || object.fields.get_key_value(&format!("__{field}__"));
                let known = object.fields.get_key_value(&**field);
                match known.or_else(|| keyword().filter(|_| is_reserved(field))) {
                    Some((name, ty)) => {
                        *field = name.as_str().into();
                        ty.clone()
                    }
                    None => self.fail(at, format!("undefined field '{field}'")),
                }
            }
            parameter @ CelType::Param(_) => {
                self.bind(&CelType::Dyn, parameter);
                CelType::Dyn
            }
            other => {
                if !other.is_dyn_or_error() {
                    let text = format!("type '{other}' does not support field selection");
                    self.fail(at, text);
                }
                CelType::Dyn
            }
        };
        let found = found.substituted(&self.bindings, false);
        if wraps {
            CelType::optional(found)
        } else {
            found
        }
    }

    fn check_call(&mut self, node: &mut CelNode) -> CelType {
        let at = node.at;
        let NodeKind::Call {
            function,
            target,
            arguments,
        } = &mut node.kind
        else {
            return CelType::Error;
        };
        if &**function == "_?._" {
            return self.check_optional_field(at, arguments);
        }
        let literals = self.literals.len();
        let mut of: Vec<CelType> = arguments
            .iter_mut()
            .map(|argument| self.check(argument))
            .collect();
        if &**function == "format" {
            if let (Some(template), [items]) = (&target, &**arguments) {
                self.check_format(at, template, items);
            }
            self.literals.truncate(literals); // Its arguments can be of any type.
        }
        let mut is_method = false;
        if let Some(called_on) = target {
            let qualified = called_on.qualified_name();
            let qualified = qualified.map(|prefix| format!("{prefix}.{function}"));
            let known = qualified.filter(|name| functions::overloads(name).is_some());
            if let Some(name) = known {
                *function = name.into();
                *target = None;
            } else {
                of.insert(0, self.check(called_on));
                is_method = true;
            }
        }
        let name = function.strip_prefix('.').unwrap_or(function);
        let Some(overloads) = functions::overloads(name) else {
            let text = format!("undeclared reference to '{name}' (in container '')");
            return self.fail(at, text);
        };
        if ["_&&_", "_||_"].contains(&name) {
            return self.check_logic(arguments, &of);
        }
        if name.len() != function.len() {
            *function = name.into();
        }
        let function = function.clone();
        self.resolve(at, &function, overloads, &of, is_method)
    }

    fn check_logic(&mut self, arguments: &[CelNode], of: &[CelType]) -> CelType {
        let mut result = CelType::Bool;
        for (argument, ty) in arguments.iter().zip(of) {
            if !self.bind(ty, &CelType::Bool) {
                let ty = ty.substituted(&self.bindings, false);
                let text = format!("expected type 'bool' but found '{ty}'");
                result = self.fail(argument.at, text);
            }
        }
        result
    }

    fn check_optional_field(&mut self, at: usize, arguments: &mut [CelNode]) -> CelType {
        let [operand, field] = arguments else {
            return CelType::Error;
        };
        let NodeKind::Literal(CelValue::String(name)) = &mut field.kind else {
            let text = "unsupported optional field selection".to_owned();
            return self.fail(field.at, text);
        };
        self.check_field(at, operand, name, true)
    }

    fn parameter(&mut self) -> CelType {
        self.parameters += 1;
        CelType::Param(format!("_var{}", self.parameters).into())
    }

    fn bind(&mut self, from: &CelType, to: &CelType) -> bool {
        match types::assigned(&self.bindings, from, to) {
            Some(bindings) => {
                self.bindings = bindings;
                true
            }
            None => false,
        }
    }

    fn check_fold(&mut self, fold: &mut Fold) -> CelType {
        let range = self.check(&mut fold.range);
        let first = self.check(&mut fold.first);
        let range = range.substituted(&self.bindings, false);
        let (one, two) = match &range {
            CelType::List(items) if fold.second.is_some() => (CelType::Int, (**items).clone()),
            CelType::List(items) => ((**items).clone(), CelType::Error),
            CelType::Map(both) => (both.0.clone(), both.1.clone()),
            CelType::Dyn | CelType::Error | CelType::Param(_) => {
                self.bind(&CelType::Dyn, &range);
                (CelType::Dyn, CelType::Dyn)
            }
            other => {
                let text = format!(
                    "expression of type '{other}' cannot be range of a comprehension (must be list, \
                     map, or dynamic)"
                );
                self.fail(fold.range.at, text);
                (CelType::Error, CelType::Error)
            }
        };
        let outside = self.scope.len();
        self.scope.push((fold.changed.clone(), first.clone()));
        let inside = self.scope.len();
        self.scope.push((fold.variable.clone(), one));
        if let Some(second) = &fold.second {
            self.scope.push((second.clone(), two));
        }
        let condition = self.check(&mut fold.condition);
        self.expect(&fold.condition, &CelType::Bool, &condition);
        let step = self.check(&mut fold.step);
        self.expect(&fold.step, &first, &step);
        self.scope.truncate(inside);
        let result = self.check(&mut fold.result);
        self.scope.truncate(outside);
        result.substituted(&self.bindings, false)
    }

    fn expect(&mut self, node: &CelNode, wanted: &CelType, ty: &CelType) {
        if !self.bind(wanted, ty) {
            let text = format!("expected type '{wanted}' but found '{ty}'");
            self.fail(node.at, text);
        }
    }
}
