//! One rule, compiled.
//!
//! Source: `pkg/apiserver/schema/cel/compilation.go` of `k8s.io/apiextensions-apiserver`.

use super::{
    check,
    eval::Evaluation,
    library::{self, regexes},
    outcome::{EvalError, Outcome},
    source::{self, Mistake},
    syntax::{self, CelNode, NodeKind},
    types::CelType,
    value::{CelValue, times},
};
use crate::structural::ValidationRule;

/// The functions that convert values.
const CONVERSIONS: [&str; 8] = [
    "bool",
    "bytes",
    "double",
    "duration",
    "int",
    "string",
    "timestamp",
    "uint",
];

/// Deeper expressions are checked and evaluated on a thread with more room.
const DEEP: usize = 60;

/// An expression that is known to be right.
#[derive(Debug)]
pub(super) struct Program {
    node: CelNode,
    is_deep: bool,
    /// The expression speaks of `oldSelf`.
    pub(super) uses_old_self: bool,
}

/// A rule whose expressions are known to be right.
#[derive(Debug)]
pub(super) struct CompiledRule {
    pub(super) rule: ValidationRule,
    pub(super) program: Program,
    pub(super) message: Option<Program>,
}

/// What is wrong with the expressions of a rule.
#[derive(Debug, Default)]
pub(super) struct WrongRule {
    pub(super) rule: Option<String>,
    pub(super) message: Option<String>,
    /// The rule speaks of `oldSelf`, and is right otherwise.
    pub(super) uses_old_self: bool,
}

impl CompiledRule {
    /// Compiles a rule about values of a type.
    pub(super) fn compile(rule: &ValidationRule, this: &CelType) -> Result<Self, WrongRule> {
        let old = if rule.optional_old_self == Some(true) {
            CelType::optional(this.clone())
        } else {
            this.clone()
        };
        let program = Program::compile(&rule.expression, this, &old);
        let program = program
            .map_err(|wrong| format!("compilation failed: {wrong}"))
            .and_then(|(program, ty)| {
                let is_bool = ty == CelType::Bool;
                let program = is_bool.then_some(program);
                program.ok_or_else(|| "cel expression must evaluate to a bool".to_owned())
            })
            .and_then(|program| match program.wrong_constant() {
                Some(wrong) => Err(format!("program instantiation failed: {wrong}")),
                None => Ok(program),
            });
        let program = program.map_err(|wrong| WrongRule {
            rule: Some(wrong),
            ..WrongRule::default()
        })?;
        let message = compile_message(rule, this, &old).map_err(|wrong| WrongRule {
            message: Some(wrong),
            uses_old_self: program.uses_old_self,
            ..WrongRule::default()
        })?;
        Ok(Self {
            rule: rule.clone(),
            program,
            message,
        })
    }
}

fn compile_message(
    rule: &ValidationRule,
    this: &CelType,
    old: &CelType,
) -> Result<Option<Program>, String> {
    if rule.message_expression.is_empty() {
        return Ok(None);
    }
    let (program, ty) = Program::compile(&rule.message_expression, this, old)
        .map_err(|wrong| format!("messageExpression compilation failed: {wrong}"))?;
    if ty != CelType::String {
        return Err("messageExpression must evaluate to a string".to_owned());
    }
    if let Some(wrong) = program.wrong_constant() {
        return Err(format!("messageExpression instantiation failed: {wrong}"));
    }
    Ok(Some(program))
}

impl Program {
    /// Compiles an expression; the error shows all that is wrong with it.
    pub(super) fn compile(
        expression: &str,
        this: &CelType,
        old: &CelType,
    ) -> Result<(Self, CelType), String> {
        let shown = |wrong| source::show(expression, wrong);
        let mut node = syntax::parse(expression).map_err(shown)?;
        let is_deep = node.depth() > DEEP;
        let typed = if is_deep {
            let checked = syntax::with_room(|| check::check(&mut node, this, old));
            checked.unwrap_or_else(|| {
                Err(vec![Mistake::nowhere(
                    "max recursion depth exceeded".to_owned(),
                )])
            })
        } else {
            check::check(&mut node, this, old)
        };
        let typed = typed.map_err(shown)?;
        let mut wrong = Vec::new();
        check_literals(&node, &mut wrong);
        if !wrong.is_empty() {
            return Err(shown(wrong));
        }
        let program = Self {
            node,
            is_deep,
            uses_old_self: typed.uses_old_self,
        };
        Ok((program, typed.ty))
    }

    /// Returns why a conversion of what is written down, or a regular expression, fails, if one does.
    pub(super) fn wrong_constant(&self) -> Option<String> {
        let mut nodes = vec![&self.node];
        while let Some(node) = nodes.pop() {
            if let Some(Err(error)) = constant(node) {
                return Some(error.text.to_string());
            }
            nodes.extend(node.parts());
        }
        None
    }

    /// Evaluates the expression; returns its value and what it cost.
    pub(super) fn evaluate(&self, this: &CelValue, old: Option<&CelValue>) -> (Outcome, u64) {
        let run = || {
            let mut evaluation = Evaluation::new(this, old);
            let outcome = evaluation.evaluate(&self.node);
            (outcome, evaluation.cost)
        };
        if !self.is_deep {
            return run();
        }
        syntax::with_room(run).unwrap_or_else(|| {
            let error = EvalError::new("max recursion depth exceeded");
            (Err(error), 0)
        })
    }
}

/// Returns what can be evaluated before there is a value.
fn constant(node: &CelNode) -> Option<Outcome> {
    let NodeKind::Call {
        function,
        target,
        arguments,
    } = &node.kind
    else {
        return None;
    };
    let literal = |node: &CelNode| match &node.kind {
        NodeKind::Literal(value) => Some(value.clone()),
        _ => None,
    };
    if CONVERSIONS.contains(&&**function) {
        let value = literal(arguments.first()?)?;
        return Some(library::call(function, &[value], &mut 0));
    }
    let place = usize::from(target.is_none());
    if ["matches", "find", "findAll"].contains(&&**function)
        && let Some(regex) = literal(arguments.get(place)?)
    {
        let nothing = CelValue::string("");
        return Some(library::call("matches", &[nothing, regex], &mut 0));
    }
    None
}

/// Checks what is written down as a duration, a time or a regular expression.
fn check_literals(node: &CelNode, wrong: &mut Vec<Mistake>) {
    if let NodeKind::Call {
        function,
        target,
        arguments,
    } = &node.kind
        && let Some(last) = arguments.last()
        && let NodeKind::Literal(CelValue::String(text)) = &last.kind
    {
        let is_right = match &**function {
            "duration" => times::duration(text).is_some(),
            "timestamp" => times::timestamp(text).is_some(),
            "matches" if target.is_some() => regexes::is_regex(text),
            _ => true,
        };
        if !is_right {
            let text = format!("invalid {function} argument");
            wrong.push(Mistake { at: last.at, text });
        }
    }
    for part in node.parts() {
        check_literals(part, wrong);
    }
}
