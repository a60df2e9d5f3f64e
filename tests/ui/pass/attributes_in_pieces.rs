//! Several attributes, in any order, with trailing commas, beside those of others.

use kubehandler::{EventHandler, Informer, k8s::Pod};

#[derive(Clone, Debug, EventHandler)]
#[handler(workers = 0x_8)]
#[handler()]
#[handler(retry(cap = "1h",))]
#[doc = "A doc comment in between."]
#[cfg_attr(all(), handler(resource = Pod))]
#[handler(name = r"pods", timeout = "1ms")]
#[must_use]
pub struct Pods {
    /// The informer.
    #[handler(informer)]
    #[allow(clippy::struct_field_names)]
    pub pods: Informer<Pod>,
}
