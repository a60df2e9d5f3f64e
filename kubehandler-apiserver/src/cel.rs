//! The rules of custom resources: `x-kubernetes-validations`, which are expressions in CEL.
//!
//! When a definition is written, [`wrong_rules`] reads each rule and checks its types. When an object
//! is written, [`CompiledRules::wrong`] evaluates the rules that [`CompiledRules::compile`] has made
//! of its schema.
//!
//! The grammar is that of the crate `cel`. The checker, the evaluator and the libraries are made for
//! what rules are on a Kubernetes 1.37 API server: expressions about values with schemas.
//!
//! Known differences to the real server:
//!
//! * Costs are not estimated when a definition is written, so that no rule is refused as too costly.
//!   What an evaluation may cost is limited, and counted a little differently.
//! * Messages of the real server name the types of objects `selfType` and a random number; here the
//!   number is left out.
//! * Regular expressions are those of the crate `regex`, which has a few more classes than Go's.
//! * Time zones are offsets or `UTC`; names such as `America/New_York` are not known.
//! * Rules are not checked while anything else in their schema is wrong.
//! * A syntax error may name more tokens that are expected.
//! * The types of protocol buffers cannot be made (`google.protobuf.Int32Value{}`).
//! * The sum of no durations is the number 0.

mod access;
mod check;
mod definition;
mod eval;
mod field_path;
mod functions;
mod library;
mod outcome;
mod program;
mod schema;
mod source;
mod syntax;
#[cfg(test)]
mod tests;
mod types;
mod validate;
mod value;

pub(crate) use self::{definition::wrong_rules, validate::CompiledRules};
