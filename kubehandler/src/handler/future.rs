//! What a callback returns, under names of its own: an error then says how a callback is written.

use crate::outcome::{Action, Result};

/// The future of `on_add`, `on_update` and `reconcile`: `Future<Output = Result<Action>>`.
///
/// Every `async fn` that returns `Result<Action>` makes one.
#[diagnostic::on_unimplemented(
    message = "this callback must be an `async fn` that returns `kubehandler::Result<Action>`",
    label = "the callback returns `{Self}`",
    note = "inside the callback, `?` accepts every error, `anyhow::Error` too; end it with `Ok(Action::DONE)`"
)]
pub trait ActionFuture: Future<Output = Result<Action>> {}

#[diagnostic::do_not_recommend]
impl<F: Future<Output = Result<Action>>> ActionFuture for F {}

/// The future of `on_delete`: `Future<Output = Result<()>>`.
///
/// Every `async fn` that returns `Result` makes one.
#[diagnostic::on_unimplemented(
    message = "`on_delete` must be an `async fn` that returns `kubehandler::Result`, without an action",
    label = "the callback returns `{Self}`",
    note = "after a delete there is nothing to requeue: end it with `Ok(())`; inside it, `?` accepts every error, `anyhow::Error` too"
)]
pub trait DeleteFuture: Future<Output = Result> {}

#[diagnostic::do_not_recommend]
impl<F: Future<Output = Result>> DeleteFuture for F {}
