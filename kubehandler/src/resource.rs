//! What can be listed, watched and decoded.

use serde::de::DeserializeOwned;

/// A kind of object that can be listed, watched and decoded.
///
/// Implemented for every `kube::Resource` that can be deserialized: the kinds of
/// [`k8s`](crate::k8s), those made with `kube::CustomResource`, `DynamicObject`, and
/// `PartialObjectMeta<K>`, for which the server sends metadata only.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a Kubernetes resource",
    label = "not a resource",
    note = "use a kind from `kubehandler::k8s`, the kind of a custom resource (`Site`, not `SiteSpec`), or `PartialObjectMeta<Kind>` for metadata only"
)]
pub trait Resource:
    kube::Resource<DynamicType: Clone + Send + Sync + 'static>
    + DeserializeOwned
    + Send
    + Sync
    + 'static
{
}

#[diagnostic::do_not_recommend]
impl<K> Resource for K
where
    K: kube::Resource + DeserializeOwned + Send + Sync + 'static,
    K::DynamicType: Clone + Send + Sync + 'static,
{
}
