//! Every mistake is reported at once, and nothing that follows from them.

use kubehandler::{k8s::Pod, prelude::*};

#[derive(EventHandler)]
#[handler(resource = Pod, worker = 8, timeout = 30, labels = "tier!!test")]
#[handler(name = "My_Pods", retry(max = 0, bsae = "5ms"))]
struct Pods {
    #[handler(informers)]
    prefix: String,
}

impl Callbacks for Pods {
    async fn on_delete(&self, ev: Event<Self>) -> Result {
        println!("{}: {:?}", self.prefix, ev.object()?.spec);
        Ok(())
    }
}

fn register<H: Callbacks>(_: H) {}

fn main() {
    register(Pods {
        prefix: String::new(),
    });
}
