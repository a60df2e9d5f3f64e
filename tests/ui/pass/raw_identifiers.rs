//! Names that are keywords.

use kubehandler::{EventHandler, Informer, k8s::Pod};

#[derive(EventHandler)]
#[allow(non_camel_case_types)]
pub struct r#match {
    #[handler(informer)]
    pub r#type: Informer<Pod>,
}
