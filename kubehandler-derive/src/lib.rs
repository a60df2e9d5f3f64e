//! `#[derive(EventHandler)]` for kubehandler, which re-exports it.

mod attr;
mod case;
mod check;
mod custom_resource;
mod duration;
mod entries;
mod errors;
mod expand;
mod fallback;
mod input;
mod keys;
mod name;
mod selector;
mod suggest;
#[cfg(test)]
mod tests;

use proc_macro::TokenStream;
use syn::{DeriveInput, parse_macro_input, parse_quote};

/// Implements `EventHandler` for a struct, as `#[handler(...)]` says.
///
/// What the callbacks do is not its business: that is `impl Callbacks`.
///
/// # Examples
///
/// ```
/// use kubehandler::{k8s::Pod, prelude::*};
///
/// #[derive(EventHandler)]
/// #[handler(resource = Pod)]
/// struct PodLogger;
///
/// impl Callbacks for PodLogger {
///     async fn on_add(&self, ev: Event<Self>) -> Result<Action> {
///         info!("pod {} added", ev.key());
///         Ok(Action::DONE)
///     }
/// }
///
/// assert_eq!(PodLogger.name(), "pod-logger");
/// ```
///
/// # Keys
///
/// Several `#[handler(...)]` on one struct are read as one. Each key is given once.
///
/// | key | default | what it says |
/// | --- | --- | --- |
/// | `resource = Pod` | that of an informer field | the kind of object: a type, built-in or custom |
/// | `name = ".."` | the struct's name in kebab-case | the handler's name, a DNS label, unique in its event loop |
/// | `namespace = ".."` | all | only objects of this namespace |
/// | `labels = ".."` | all | only objects that match this label selector |
/// | `fields = ".."` | all | only objects that match this field selector |
/// | `when = \|o\| ..` | always | adds and updates only for states that pass |
/// | `changed = ".."` | any change | updates only if this part has changed since the object was last handled |
/// | `workers = 8` | the event loop's, 16 | callbacks at once |
/// | `timeout = "30s"` | none | a callback that takes longer has failed |
/// | `retry(max = 12, base = "200ms", cap = "5m", delete_deadline = "2h")` | for ever, `5ms`, `1000s`, a day | how often and after which delays a failed callback runs again, and for how long a delete; changes do not use up `max` |
/// | `resync = "10m"` | never | `on_update` for every object this often |
/// | `informer = expr` | the event loop's own | the informer that the objects come from |
/// | `crate = path` | `::kubehandler` | where the library is, if it has another name |
///
/// Durations are a whole number and `ms`, `s`, `m` or `h`.
/// Selectors and names are checked at compile time; which fields a kind can be selected by, only
/// the server knows.
/// `finalizer`, `owns` and `watches` are reserved for a later version.
///
/// # What has changed
///
/// `changed` takes a path of fields, in the words of Kubernetes (`spec.nodeName`) or of Rust
/// (`spec.node_name`, and `spec.r#type` for a keyword). It looks through `Option`, and a path that
/// the type does not have does not compile. For a `DynamicObject`, whose fields nobody knows, it is
/// read from the object's data. In place of a path it takes a closure that returns a reference to
/// the part.
///
/// It gates updates for changes alone: never retries, requeues, resyncs, deletes, nor the start of
/// a deletion.
///
/// ```
/// use kubehandler::{EventHandler, k8s::{ConfigMap, Deployment}};
///
/// #[derive(EventHandler)]
/// #[handler(resource = Deployment, changed = "spec.replicas")]
/// struct Replicas;
///
/// #[derive(EventHandler)]
/// #[handler(resource = ConfigMap, labels = "mirror=true", resync = "1h")]
/// #[handler(changed = |map| &map.data, when = |map| map.data.is_some())]
/// struct Mirror;
/// ```
///
/// # Informers
///
/// Handlers of one event loop that want the same objects share one informer, which is made of
/// `resource`, `namespace`, `labels` and `fields`. A handler can bring its own instead: in a field
/// marked `#[handler(informer)]`, which then says the kind as well, or as an expression, in which
/// `self` is the handler and `informers` are those of the event loop.
///
/// ```
/// use kubehandler::{EventHandler, Filter, Informer, k8s::{ConfigMap, Pod}, kube::core::DynamicObject};
///
/// #[derive(EventHandler)]
/// struct Pods {
///     #[handler(informer)]
///     pods: Informer<Pod>,
/// }
///
/// #[derive(EventHandler)]
/// #[handler(resource = ConfigMap, informer = informers.informer(
///     Filter::default().namespace(&self.namespace)
/// ))]
/// struct Settings {
///     namespace: String,
/// }
///
/// /// A kind known at run time only comes with an informer that was made with its `ApiResource`.
/// #[derive(EventHandler)]
/// #[handler(changed = "spec")]
/// struct Things(#[handler(informer)] Informer<DynamicObject>);
/// ```
///
/// # Generics
///
/// The macro adds `where Self: Send + Sync + 'static`, and no other bound. All instances of one
/// generic struct have one name: to register two of them in one event loop, write
/// `impl EventHandler` by hand.
///
/// ```
/// use kubehandler::{EventHandler, Resource};
/// use std::marker::PhantomData;
///
/// #[derive(EventHandler)]
/// #[handler(resource = K, name = "mirror")]
/// struct Mirror<K>(PhantomData<fn() -> K>)
/// where
///     K: Resource<DynamicType: Default>;
/// ```
///
/// # Errors
///
/// Every mistake is reported in one build, each on the token to change:
///
/// ```compile_fail
/// use kubehandler::{EventHandler, k8s::Pod};
///
/// #[derive(EventHandler)]
/// #[handler(resource = Pod, worker = 8, timeout = "30 sec")]
/// struct Pods;
/// // error: unknown handler key `worker`; did you mean `workers`?
/// // error: `30 sec` is not a duration: write a number with ms, s, m or h, such as "30s"
/// ```
#[proc_macro_derive(EventHandler, attributes(handler))]
pub fn event_handler(item: TokenStream) -> TokenStream {
    implement(&parse_macro_input!(item as DeriveInput)).into()
}

/// Reads, checks, and writes the impl, or the errors and a stub.
fn implement(item: &DeriveInput) -> proc_macro2::TokenStream {
    let mut errors = errors::Errors::default();
    let attributes = attr::Attributes::parse(&item.attrs, &mut errors);
    let krate = attributes
        .krate
        .clone()
        .unwrap_or_else(|| parse_quote!(::kubehandler));
    match check::check(item, &attributes, &krate, &mut errors) {
        Ok(input) => expand::expand(&input),
        Err(known) => fallback::fallback(item, &krate, &known, errors),
    }
}

/// Makes a struct the spec of a custom resource, with `kubehandler` as the only dependency.
///
/// It writes `#[derive(CustomResource, Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]`
/// and tells each derive where its crate is: in the library, which re-exports `kube`,
/// `k8s_openapi`, `schemars`, `serde` and `serde_json`. A trait that the struct derives itself, below
/// the attribute, is left out.
///
/// The keys are those of `#[kube(...)]`: `group`, `version` and `kind` are required; `namespaced`,
/// `status`, `shortname`, `printcolumn` and more are described at kube's `CustomResource`. One key is
/// this attribute's: `crate = path` says where the library is, if it has another name. Types within the
/// spec, and the status, are marked [`#[schema]`](macro@schema).
///
/// # Examples
///
/// ```
/// use kubehandler::{kube::CustomResourceExt, prelude::*};
///
/// #[kubehandler::custom_resource(group = "demo.dev", version = "v1", kind = "Site", namespaced)]
/// #[kube(status = "SiteStatus")]
/// #[serde(rename_all = "camelCase")]
/// struct SiteSpec {
///     image_name: String,
///     zone: Zone,
/// }
///
/// #[kubehandler::schema]
/// struct Zone {
///     name: String,
/// }
///
/// #[kubehandler::schema]
/// #[derive(Default)]
/// struct SiteStatus {
///     ready: i32,
/// }
///
/// #[derive(EventHandler)]
/// #[handler(resource = Site, changed = "spec.imageName")]
/// struct Sites;
///
/// assert_eq!(Site::crd_name(), "sites.demo.dev");
/// ```
#[proc_macro_attribute]
pub fn custom_resource(arguments: TokenStream, item: TokenStream) -> TokenStream {
    let item = parse_macro_input!(item as DeriveInput);
    custom_resource::custom_resource(arguments.into(), &item).into()
}

/// Makes a type a part of a custom resource, with `kubehandler` as the only dependency.
///
/// It writes `#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]`, but for what
/// the type derives itself, below the attribute, and tells each derive where its crate is. One key:
/// `crate = path` says where the library is, if it has another name.
///
/// # Examples
///
/// ```
/// #[kubehandler::schema]
/// #[serde(rename_all = "camelCase")]
/// enum Policy {
///     Always,
///     Never,
/// }
///
/// let policy: Policy = kubehandler::serde_json::from_str("\"always\"")?;
/// assert_eq!(policy, Policy::Always);
/// # Ok::<(), kubehandler::serde_json::Error>(())
/// ```
#[proc_macro_attribute]
pub fn schema(arguments: TokenStream, item: TokenStream) -> TokenStream {
    let item = parse_macro_input!(item as DeriveInput);
    custom_resource::schema(arguments.into(), &item).into()
}
