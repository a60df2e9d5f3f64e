//! The derive assumes nothing about the scope, the lints or the name of the library.
#![deny(
    warnings,
    missing_docs,
    unused_qualifications,
    unused,
    clippy::all,
    clippy::pedantic
)]
#![deny(
    unused_results,
    unreachable_pub,
    trivial_casts,
    elided_lifetimes_in_paths,
    unused_lifetimes,
    single_use_lifetimes
)]
#![deny(
    missing_debug_implementations,
    missing_copy_implementations,
    let_underscore_drop
)]
#![no_implicit_prelude]

extern crate kubehandler as handlers;

/// Names that hide the prelude's.
pub mod shadow {
    #![allow(missing_docs)]
    #[derive(::std::fmt::Debug, ::std::clone::Clone, ::std::marker::Copy)]
    pub struct Option;
    #[derive(::std::fmt::Debug, ::std::clone::Clone, ::std::marker::Copy)]
    pub struct Some;
    #[derive(::std::fmt::Debug, ::std::clone::Clone, ::std::marker::Copy)]
    pub struct Cow;
}

/// All of the keys.
#[derive(::std::fmt::Debug, handlers::EventHandler)]
#[handler(crate = handlers, resource = handlers::k8s::Pod, name = "pods")]
#[handler(
    namespace = "web",
    labels = "app=web,tier!=test",
    fields = "status.phase=Running"
)]
#[handler(changed = "spec.nodeName", when = |pod| pod.spec.is_some())]
#[handler(workers = 8, timeout = "30s", resync = "10m")]
#[handler(retry(max = 12, base = "200ms", cap = "5m"))]
pub struct Pods<T, const N: usize>
where
    T: ::std::fmt::Debug,
{
    items: [T; N],
}

impl<T, const N: usize> handlers::Callbacks for Pods<T, N>
where
    T: ::std::fmt::Debug + ::std::marker::Send + ::std::marker::Sync + 'static,
{
    async fn on_add(&self, event: handlers::Event<Self>) -> handlers::Result<handlers::Action> {
        let _: (_, _) = (event.key(), &self.items);
        ::std::result::Result::Ok(handlers::Action::DONE)
    }
}

/// A name that is computed.
#[derive(::std::fmt::Debug, handlers::EventHandler)]
#[handler(crate = handlers, resource = handlers::k8s::Pod, name = self.name)]
pub struct Named {
    name: ::std::string::String,
}

/// A kind that is known at run time.
#[derive(::std::fmt::Debug, handlers::EventHandler)]
#[handler(crate = handlers, resource = handlers::kube::core::DynamicObject, api_resource = self.kind)]
pub struct Dynamic {
    kind: handlers::kube::core::ApiResource,
}

/// An informer of its own.
#[derive(::std::fmt::Debug, handlers::EventHandler)]
#[handler(crate = handlers)]
pub struct Own<K: handlers::Resource>(#[handler(informer)] handlers::Informer<K>);

/// An expression.
#[derive(::std::fmt::Debug, ::std::clone::Clone, ::std::marker::Copy, handlers::EventHandler)]
#[handler(crate = handlers, resource = handlers::k8s::Node, changed = |node| &node.spec)]
#[handler(informer = informers.informer(<handlers::Filter as ::std::default::Default>::default().labels("x")))]
pub struct Expression;
