//! A handler that applies a child and sets a status, and its test.
//!
//! `cargo test -p kubehandler-testing --example apply` runs it, without a cluster.

use std::collections::BTreeMap;

use kubehandler::{
    k8s::ConfigMap,
    kube::{
        Api, Resource as _,
        api::{ObjectMeta, Patch, PatchParams},
    },
    prelude::*,
    serde_json::json,
};

#[kubehandler::custom_resource(
    group = "demo.dev",
    version = "v1",
    kind = "Site",
    namespaced,
    status = "SiteStatus"
)]
struct SiteSpec {
    zone: String,
}

#[kubehandler::schema]
struct SiteStatus {
    zone: String,
}

#[derive(EventHandler)]
#[handler(resource = Site)]
struct Sites;

impl Callbacks for Sites {
    async fn reconcile(&self, ev: Event<Self>) -> Result<Action> {
        let site = ev.object()?;
        let (client, namespace) = (ev.client(), ev.namespace().unwrap_or_default());
        let parameters = PatchParams::apply("sites").force();
        let child = ConfigMap {
            metadata: ObjectMeta {
                name: Some(ev.name().to_owned()),
                owner_references: site.controller_owner_ref(&()).map(|owner| vec![owner]),
                ..ObjectMeta::default()
            },
            data: Some(BTreeMap::from([("zone".into(), site.spec.zone.clone())])),
            ..ConfigMap::default()
        };
        Api::<ConfigMap>::namespaced(client.clone(), namespace)
            .patch(ev.name(), &parameters, &Patch::Apply(child))
            .await?;
        let status = json!({
            "apiVersion": "demo.dev/v1",
            "kind": "Site",
            "status": SiteStatus { zone: site.spec.zone.clone() },
        });
        Api::<Site>::namespaced(client.clone(), namespace)
            .patch_status(ev.name(), &parameters, &Patch::Apply(status))
            .await?;
        Ok(Action::DONE)
    }
}

#[tokio::main]
async fn main() -> Result {
    EventLoop::new("sites").register(Sites).run().await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use kubehandler::kube::CustomResourceExt as _;
    use kubehandler_testing::TestKit;

    use super::*;

    const SITE: &str =
        "{apiVersion: demo.dev/v1, kind: Site, metadata: {name: a}, spec: {zone: north}}";

    #[tokio::test(start_paused = true)]
    async fn site_has_its_child_and_its_status() -> anyhow::Result<()> {
        let kit = TestKit::new();
        kit.load(&json!(Site::crd()).to_string()).await?;
        kit.load(SITE).await?;

        let run = kit.run(EventLoop::new("test").register(Sites));
        run.idle().await?;

        let child: ConfigMap = kit.get("default/a").await?;
        assert_eq!(child.data.unwrap_or_default()["zone"], "north");
        let site: Site = kit.get("default/a").await?;
        assert_eq!(site.status.map(|status| status.zone), Some("north".into()));
        run.stop().await?;
        Ok(())
    }
}
