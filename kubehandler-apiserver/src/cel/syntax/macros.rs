//! The macros of rules, and what they stand for.
//!
//! Source: `parser/macro.go`, `cel/library.go` (`optMap`, `optFlatMap`) and `ext/comprehensions.go`
//! of `github.com/google/cel-go`.

use std::sync::Arc;

use super::{CelNode, Fold, ListItem, NodeKind, RESULT, TreeReader};
use crate::cel::{source::Mistake, value::CelValue};

impl TreeReader<'_> {
    /// Returns a call, or what it stands for if it is a macro.
    pub(super) fn expand(
        &mut self,
        at: usize,
        function: &str,
        target: Option<CelNode>,
        mut arguments: Vec<CelNode>,
    ) -> CelNode {
        let Some(target) = target else {
            if function == "has" && arguments.len() == 1 {
                return self.has(at, arguments.remove(0));
            }
            return CelNode::call(at, function, arguments);
        };
        let call = Macro { at, target };
        let expanded = match (function, arguments.len()) {
            ("all" | "exists" | "exists_one" | "filter", 2) | ("map", 2 | 3) => {
                call.over_items(function, arguments)
            }
            ("all" | "exists" | "exists_one" | "existsOne", 3)
            | ("transformList" | "transformMap" | "transformMapEntry", 3 | 4) => {
                call.over_pairs(function, arguments)
            }
            ("sortBy", 2) => call.sort_by(arguments),
            ("optMap" | "optFlatMap", 2) => call.optional(function == "optFlatMap", arguments),
            _ => {
                return CelNode::new(
                    at,
                    NodeKind::Call {
                        function: function.into(),
                        target: Some(Box::new(call.target)),
                        arguments,
                    },
                );
            }
        };
        expanded.unwrap_or_else(|mistake| {
            self.wrong.push(mistake);
            literal(at, CelValue::Null)
        })
    }

    fn has(&mut self, at: usize, argument: CelNode) -> CelNode {
        if let NodeKind::Select {
            operand,
            field,
            is_test: false,
        } = argument.kind
        {
            let is_test = true;
            let select = NodeKind::Select {
                operand,
                field,
                is_test,
            };
            return CelNode::new(at, select);
        }
        let text = "invalid argument to has() macro".to_owned();
        let mistake_at = argument.at;
        self.wrong.push(Mistake {
            at: mistake_at,
            text,
        });
        literal(at, CelValue::Null)
    }
}

/// A call that is a macro.
struct Macro {
    at: usize,
    target: CelNode,
}

/// The parts of a loop that differ from macro to macro.
struct FoldParts {
    first: CelNode,
    condition: CelNode,
    step: CelNode,
    result: CelNode,
}

impl Macro {
    /// Expands a macro whose variable is an item of a list, or a key of a map.
    fn over_items(self, function: &str, mut arguments: Vec<CelNode>) -> Result<CelNode, Mistake> {
        let last = arguments.pop();
        let variable = name_of(arguments.first()).map_err(|mistake| {
            let makes_list = ["map", "filter"].contains(&function);
            let text = makes_list.then(|| "argument is not an identifier".to_owned());
            Mistake {
                at: mistake.at,
                text: text.unwrap_or(mistake.text),
            }
        })?;
        let mut rest = arguments.drain(1..);
        let filter = rest.next();
        drop(rest);
        let item = arguments.pop();
        let (Some(last), Some(item)) = (last, item) else {
            return Err(not_a_name(self.at));
        };
        let parts = match function {
            "filter" => self.listing(item, Some(last)),
            "map" => self.listing(last, filter),
            _ => self.quantifier(function, last),
        };
        Ok(self.fold(variable, None, parts))
    }

    /// Expands a macro with two variables: index and item, or key and value.
    fn over_pairs(self, function: &str, arguments: Vec<CelNode>) -> Result<CelNode, Mistake> {
        let variable = name_of(arguments.first())?;
        let second = name_of(arguments.get(1))?;
        if variable == second {
            return Err(Mistake {
                at: arguments[1].at,
                text: format!("duplicate variable name: {variable}"),
            });
        }
        let mut rest: Vec<CelNode> = arguments.into_iter().skip(2).collect();
        let Some(last) = rest.pop() else {
            return Err(not_a_name(self.at));
        };
        let filter = rest.pop();
        let key = CelNode::ident(self.at, &variable);
        let parts = match function {
            "transformList" => self.listing(last, filter),
            "transformMap" => self.mapping(vec![key, last], filter),
            "transformMapEntry" => self.mapping(vec![last], filter),
            _ => self.quantifier(function, last),
        };
        Ok(self.fold(variable, Some(second), parts))
    }

    fn quantifier(&self, function: &str, predicate: CelNode) -> FoldParts {
        let at = self.at;
        let call = |function: &str, arguments| CelNode::call(at, function, arguments);
        match function {
            "all" => FoldParts {
                first: literal(at, CelValue::Bool(true)),
                condition: call("@not_strictly_false", vec![self.result()]),
                step: call("_&&_", vec![self.result(), predicate]),
                result: self.result(),
            },
            "exists" => FoldParts {
                first: literal(at, CelValue::Bool(false)),
                condition: call("@not_strictly_false", vec![call("!_", vec![self.result()])]),
                step: call("_||_", vec![self.result(), predicate]),
                result: self.result(),
            },
            _ => {
                let one = || literal(at, CelValue::Int(1));
                let counted = call("_+_", vec![self.result(), one()]);
                FoldParts {
                    first: literal(at, CelValue::Int(0)),
                    condition: literal(at, CelValue::Bool(true)),
                    step: call("_?_:_", vec![predicate, counted, self.result()]),
                    result: call("_==_", vec![self.result(), one()]),
                }
            }
        }
    }

    fn listing(&self, value: CelNode, filter: Option<CelNode>) -> FoldParts {
        let item = ListItem {
            value,
            is_optional: false,
        };
        let one = CelNode::new(self.at, NodeKind::List(vec![item]));
        let step = CelNode::call(self.at, "_+_", vec![self.result(), one]);
        self.collecting(NodeKind::List(Vec::new()), step, filter)
    }

    fn mapping(&self, mut arguments: Vec<CelNode>, filter: Option<CelNode>) -> FoldParts {
        arguments.insert(0, self.result());
        let step = CelNode::call(self.at, "cel.@mapInsert", arguments);
        self.collecting(NodeKind::Map(Vec::new()), step, filter)
    }

    fn collecting(&self, empty: NodeKind, step: CelNode, filter: Option<CelNode>) -> FoldParts {
        let step = match filter {
            Some(filter) => CelNode::call(self.at, "_?_:_", vec![filter, step, self.result()]),
            None => step,
        };
        FoldParts {
            first: CelNode::new(self.at, empty),
            condition: literal(self.at, CelValue::Bool(true)),
            step,
            result: self.result(),
        }
    }

    /// Expands `target.optMap(name, value)`.
    fn optional(self, is_flat: bool, mut arguments: Vec<CelNode>) -> Result<CelNode, Mistake> {
        let at = self.at;
        let variable = name_of(arguments.first()).map_err(|mistake| {
            let name = if is_flat { "optFlatMap" } else { "optMap" };
            let text = format!("{name}() variable name must be a simple identifier");
            Mistake { text, ..mistake }
        })?;
        let Some(value) = arguments.pop() else {
            return Err(not_a_name(at));
        };
        let method = |function: &str| {
            CelNode::new(
                at,
                NodeKind::Call {
                    function: function.into(),
                    target: Some(Box::new(self.target.clone())),
                    arguments: Vec::new(),
                },
            )
        };
        let bound = bind(at, &variable, method("value"), value);
        let bound = if is_flat {
            bound
        } else {
            CelNode::call(at, "optional.of", vec![bound])
        };
        let none = CelNode::call(at, "optional.none", Vec::new());
        Ok(CelNode::call(
            at,
            "_?_:_",
            vec![method("hasValue"), bound, none],
        ))
    }

    /// Expands `target.sortBy(name, key)`.
    fn sort_by(self, arguments: Vec<CelNode>) -> Result<CelNode, Mistake> {
        const SORTED: &str = "@__sortBy_input__";
        let at = self.at;
        let sorted = Self {
            at,
            target: CelNode::ident(at, SORTED),
        };
        let keys = sorted.over_items("map", arguments)?;
        let by_keys = NodeKind::Call {
            function: "@sortByAssociatedKeys".into(),
            target: Some(Box::new(CelNode::ident(at, SORTED))),
            arguments: vec![keys],
        };
        Ok(bind(at, SORTED, self.target, CelNode::new(at, by_keys)))
    }

    fn result(&self) -> CelNode {
        CelNode::ident(self.at, RESULT)
    }

    fn fold(self, variable: Arc<str>, second: Option<Arc<str>>, parts: FoldParts) -> CelNode {
        let fold = Fold {
            range: self.target,
            variable,
            second,
            changed: RESULT.into(),
            first: parts.first,
            condition: parts.condition,
            step: parts.step,
            result: parts.result,
        };
        CelNode::new(self.at, NodeKind::Fold(Box::new(fold)))
    }
}

/// Returns a value in which a variable stands for another: a loop that does not run.
fn bind(at: usize, variable: &str, first: CelNode, result: CelNode) -> CelNode {
    let fold = Fold {
        range: CelNode::new(at, NodeKind::List(Vec::new())),
        variable: "#unused".into(),
        second: None,
        changed: variable.into(),
        first,
        condition: literal(at, CelValue::Bool(false)),
        step: CelNode::ident(at, variable),
        result,
    };
    CelNode::new(at, NodeKind::Fold(Box::new(fold)))
}

fn literal(at: usize, value: CelValue) -> CelNode {
    CelNode::new(at, NodeKind::Literal(value))
}

fn name_of(argument: Option<&CelNode>) -> Result<Arc<str>, Mistake> {
    match argument.map(|argument| &argument.kind) {
        Some(NodeKind::Ident(name)) => Ok(name.clone()),
        _ => Err(not_a_name(argument.map_or(0, |argument| argument.at))),
    }
}

fn not_a_name(at: usize) -> Mistake {
    let text = "argument must be a simple name".to_owned();
    Mistake { at, text }
}
