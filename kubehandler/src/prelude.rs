//! What most controllers use, for `use kubehandler::prelude::*`.

#[doc(no_inline)]
pub use tracing::{debug, error, info, trace, warn};

#[doc(no_inline)]
pub use crate::{
    Action, Callbacks, Event, EventHandler, EventLoop, EventType, HandlerError, ObjectKey, Result,
    ResultExt, bail_terminal,
};
