//! Rules as trees.
//!
//! The grammar is that of the crate `cel`, which is the grammar of `cel-go`; its trees are turned into
//! [`CelNode`]s, and macros such as `all` and `has` are written out.

mod macros;
mod nesting;

use std::sync::Arc;

use ::cel::{
    Env, IdedExpr,
    common::ast::{EntryExpr, Expr, LiteralValue, SourceInfo},
};

use super::{source::Mistake, value::CelValue};

/// The longest rule that is read, in characters.
const MAX_LENGTH: usize = 100_000;

/// Room for the parser, which recurses deeply.
const STACK: usize = 64 << 20;

/// A part of a rule.
#[derive(Clone, Debug)]
pub(super) struct CelNode {
    /// The place in the rule, in characters.
    pub(super) at: usize,
    pub(super) kind: NodeKind,
}

/// What a part of a rule is.
#[derive(Clone, Debug)]
pub(super) enum NodeKind {
    Literal(CelValue),
    Ident(Arc<str>),
    /// `operand.field`, or `has(operand.field)`.
    Select {
        operand: Box<CelNode>,
        field: Arc<str>,
        is_test: bool,
    },
    Call {
        function: Arc<str>,
        target: Option<Box<CelNode>>,
        arguments: Vec<CelNode>,
    },
    List(Vec<ListItem>),
    Map(Vec<MapEntry>),
    /// `type_name{}`.
    Struct(Arc<str>),
    Fold(Box<Fold>),
}

/// An item of a list that is written down.
#[derive(Clone, Debug)]
pub(super) struct ListItem {
    pub(super) value: CelNode,
    /// It is left out if it is none.
    pub(super) is_optional: bool,
}

/// An entry of a map that is written down.
#[derive(Clone, Debug)]
pub(super) struct MapEntry {
    pub(super) key: CelNode,
    pub(super) value: CelNode,
    /// It is left out if its value is none.
    pub(super) is_optional: bool,
}

/// What macros become: a loop over a list or a map that changes one variable.
#[derive(Clone, Debug)]
pub(super) struct Fold {
    pub(super) range: CelNode,
    pub(super) variable: Arc<str>,
    /// The value of a map's key, or the item of a list, whose index the first variable is.
    pub(super) second: Option<Arc<str>>,
    /// The variable that the loop changes: [`RESULT`], or the name of an optional value.
    pub(super) changed: Arc<str>,
    pub(super) first: CelNode,
    /// The loop ends where this is false.
    pub(super) condition: CelNode,
    pub(super) step: CelNode,
    pub(super) result: CelNode,
}

/// The variable that loops change; no rule can name it.
pub(super) const RESULT: &str = "@result";

impl CelNode {
    fn new(at: usize, kind: NodeKind) -> Self {
        Self { at, kind }
    }

    fn ident(at: usize, name: &str) -> Self {
        Self::new(at, NodeKind::Ident(name.into()))
    }

    fn call(at: usize, function: &str, arguments: Vec<Self>) -> Self {
        Self::new(
            at,
            NodeKind::Call {
                function: function.into(),
                target: None,
                arguments,
            },
        )
    }

    /// Returns the nodes right below this one.
    pub(super) fn parts(&self) -> Vec<&Self> {
        match &self.kind {
            NodeKind::Literal(_) | NodeKind::Ident(_) | NodeKind::Struct(_) => Vec::new(),
            NodeKind::Select { operand, .. } => vec![operand],
            NodeKind::Call {
                target, arguments, ..
            } => target.as_deref().into_iter().chain(arguments).collect(),
            NodeKind::List(items) => items.iter().map(|item| &item.value).collect(),
            NodeKind::Map(entries) => {
                let pairs = entries.iter().map(|entry| [&entry.key, &entry.value]);
                pairs.flatten().collect()
            }
            NodeKind::Fold(fold) => vec![
                &fold.range,
                &fold.first,
                &fold.condition,
                &fold.step,
                &fold.result,
            ],
        }
    }

    /// Returns how many levels there are, found out without recursion.
    pub(super) fn depth(&self) -> usize {
        let mut depth = 0;
        let mut level = vec![self];
        while !level.is_empty() {
            depth += 1;
            level = level.into_iter().flat_map(Self::parts).collect();
        }
        depth
    }

    /// Returns the name that identifiers and selections spell, such as `a.b`.
    pub(super) fn qualified_name(&self) -> Option<String> {
        match &self.kind {
            NodeKind::Ident(name) => Some(name.to_string()),
            NodeKind::Select {
                operand,
                field,
                is_test: false,
            } => Some(format!("{}.{field}", operand.qualified_name()?)),
            _ => None,
        }
    }
}

/// Reads a rule.
pub(super) fn parse(rule: &str) -> Result<CelNode, Vec<Mistake>> {
    let length = rule.chars().count();
    if length > MAX_LENGTH {
        let text =
            format!("expression code point size exceeds limit: size: {length}, limit {MAX_LENGTH}");
        return Err(vec![Mistake::nowhere(text)]);
    }
    if nesting::is_too_deep(rule) {
        let text = "max recursion depth exceeded".to_owned();
        return Err(vec![Mistake::nowhere(text)]);
    }
    with_room(|| parse_here(rule)).unwrap_or_else(|| {
        let text = "Syntax error: the expression cannot be read".to_owned();
        Err(vec![Mistake { at: 0, text }])
    })
}

/// Runs something on a thread with a large stack; returns `None` if it failed.
pub(super) fn with_room<T: Send>(run: impl FnOnce() -> T + Send) -> Option<T> {
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new()
            .name("cel".to_owned())
            .stack_size(STACK)
            .spawn_scoped(scope, run);
        thread.ok()?.join().ok()
    })
}

fn parse_here(rule: &str) -> Result<CelNode, Vec<Mistake>> {
    let parser = Env::default().parser();
    let parser = parser
        .max_recursion_depth(250)
        .enable_ident_escape_syntax(true);
    let (tree, places) = match parser.parse_with_source_info(rule) {
        Ok(read) => read,
        Err(wrong) => {
            // What is incomplete is so because of a mistake that is reported as well.
            let is_reported =
                |text: &str| !text.starts_with("Incomplete") && !text.starts_with("No `");
            let wrong = wrong.errors.into_iter();
            let wrong = wrong.filter(|error| is_reported(&error.msg)).map(|error| {
                let (line, column) = error.pos;
                Mistake::new(rule, line, column, error.msg)
            });
            return Err(wrong.collect());
        }
    };
    let mut reader = TreeReader {
        rule,
        places,
        wrong: Vec::new(),
    };
    let node = reader.read(tree);
    if reader.wrong.is_empty() {
        Ok(node)
    } else {
        Err(reader.wrong)
    }
}

/// Turns the crate's trees into nodes.
struct TreeReader<'a> {
    rule: &'a str,
    places: SourceInfo,
    wrong: Vec<Mistake>,
}

impl TreeReader<'_> {
    /// Returns where a node begins, in characters.
    fn place_of(&self, id: u64) -> usize {
        let start = self.places.offset_for(id).map_or(0, |(start, _)| start);
        let start = usize::try_from(start).unwrap_or_default();
        let before = self.rule.get(..start);
        before.map_or(start, |before| before.chars().count())
    }

    fn read(&mut self, tree: IdedExpr) -> CelNode {
        let at = self.place_of(tree.id);
        let kind = match tree.expr {
            Expr::Literal(literal) => NodeKind::Literal(value_of(literal)),
            Expr::Ident(name) => NodeKind::Ident(name.into()),
            Expr::Select(select) => NodeKind::Select {
                operand: Box::new(self.read(*select.operand)),
                field: select.field.into(),
                is_test: select.test,
            },
            Expr::Call(call) => {
                let target = call.target.map(|target| self.read(*target));
                let arguments = call.args.into_iter().map(|argument| self.read(argument));
                let arguments: Vec<CelNode> = arguments.collect();
                return self.expand(at, &call.func_name, target, arguments);
            }
            Expr::List(list) => {
                let optional = list.optional_indices;
                let items = list.elements.into_iter().enumerate();
                let items = items.map(|(index, item)| ListItem {
                    value: self.read(item),
                    is_optional: optional.contains(&index),
                });
                NodeKind::List(items.collect())
            }
            Expr::Map(map) => {
                let entries = map
                    .entries
                    .into_iter()
                    .filter_map(|entry| match entry.expr {
                        EntryExpr::MapEntry(entry) => Some(MapEntry {
                            key: self.read(entry.key),
                            value: self.read(entry.value),
                            is_optional: entry.optional,
                        }),
                        EntryExpr::StructField(_) => None,
                    });
                NodeKind::Map(entries.collect())
            }
            Expr::Struct(made) => NodeKind::Struct(made.type_name.into()),
            Expr::Comprehension(_) | Expr::Unspecified => NodeKind::Literal(CelValue::Null),
        };
        CelNode::new(at, kind)
    }
}

fn value_of(literal: LiteralValue) -> CelValue {
    match literal {
        LiteralValue::Boolean(value) => CelValue::Bool(value.into_inner()),
        LiteralValue::Bytes(value) => CelValue::Bytes(value.inner().into()),
        LiteralValue::Double(value) => CelValue::Double(value.into_inner()),
        LiteralValue::Int(value) => CelValue::Int(value.into_inner()),
        LiteralValue::Null => CelValue::Null,
        LiteralValue::String(value) => CelValue::String(value.inner().into()),
        LiteralValue::UInt(value) => CelValue::Uint(value.into_inner()),
    }
}
