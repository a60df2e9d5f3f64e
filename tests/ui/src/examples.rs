//! The examples in the documentation of the macros, which their own crate cannot run: it is below the
//! library.

#[cfg(doctest)]
#[doc = include_str!("../../../kubehandler-derive/src/docs/event_handler.md")]
pub mod event_handler {}

#[cfg(doctest)]
#[doc = include_str!("../../../kubehandler-derive/src/docs/custom_resource.md")]
pub mod custom_resource {}

#[cfg(doctest)]
#[doc = include_str!("../../../kubehandler-derive/src/docs/schema.md")]
pub mod schema {}
