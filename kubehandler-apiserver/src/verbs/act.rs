//! What is done to a pod by creating a part of it: a binding gives it its node, an eviction deletes it.

use std::sync::Arc;

use http::StatusCode;
use serde_json::{Value, json};

use super::{Call, commit::settle};
use crate::{
    controllers::Cluster,
    engine::Engine,
    failure::Failure,
    group::GroupResource,
    kinds::{Resource, api_version},
    object,
    rules::{self, Updated, Write},
    state::storage::key,
    wire::{
        options::{DeleteOptions, Preconditions, WriteOptions},
        reply::{self, Reply},
    },
};

impl Call<'_> {
    /// Answers a POST of a pod's part.
    pub(super) fn act_on_pod(&self, engine: &Engine, part: &str) -> Result<Reply, Failure> {
        let options = WriteOptions::create(&self.request.query)?;
        let body = self.body()?.value;
        let kind = if part == "eviction" {
            "Eviction"
        } else {
            "Binding"
        };
        if object::name(&body) != self.name() {
            let why = format!("name in URL does not match name in {kind} object");
            return Err(Failure::bad_request(why));
        }
        let mut cluster = engine.cluster();
        if part == "eviction" {
            self.evict(&mut cluster, &body, options.is_dry_run)?;
        } else {
            self.bind(&mut cluster, &body, options.is_dry_run)?;
        }
        settle(engine, cluster);
        let done = json!({
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {},
            "status": "Success",
            "code": 201,
        });
        Ok(reply::value(StatusCode::CREATED, &done))
    }

    fn bind(
        &self,
        cluster: &mut Cluster,
        binding: &Value,
        is_dry_run: bool,
    ) -> Result<(), Failure> {
        if object::text(binding, &["target", "name"]).is_empty() {
            return Err(Failure::unexpected("target.name: Required value"));
        }
        let pod = self.pod(cluster)?;
        let moment = self.moment(cluster);
        let bound = self.write(&moment).bind(&pod, binding)?;
        if !is_dry_run {
            cluster.commit_update(&self.resource, Some(&pod), Updated::Put(bound));
        }
        Ok(())
    }

    fn evict(&self, cluster: &mut Cluster, body: &Value, is_dry_run: bool) -> Result<(), Failure> {
        let options = body.get("deleteOptions").cloned().unwrap_or(json!({}));
        let options = DeleteOptions::parse(
            &self.request.query,
            Some("application/json"),
            options.to_string().as_bytes(),
        )?;
        let pod = self.pod(cluster)?;
        let moment = self.moment(cluster);
        let write = Write {
            name: self.name(),
            ..self.write(&moment)
        };
        write.delete(&pod, &options)?; // What would be refused uses up no budget.
        let (resource, budgets) = self.budgets(cluster);
        let used = rules::disrupt(&pod, &budgets, write.now)?;
        if is_dry_run || options.is_dry_run {
            return Ok(());
        }
        if let (Some(resource), Some(used)) = (resource, used) {
            let name = object::name(&used);
            let old = budgets.iter().find(|budget| object::name(budget) == name);
            cluster.commit_update(&resource, old, Updated::Put(used));
        }
        let evicted = rules::evicted(&pod, write.now);
        let put = cluster.put(&self.resource, Some(&pod), &evicted);
        let evicted = self.whole(&put);
        let unconditional = DeleteOptions {
            preconditions: Preconditions::default(),
            ..options
        };
        let deletion = write.delete(&evicted, &unconditional)?;
        cluster.commit_deletion(&self.resource, &evicted, deletion);
        Ok(())
    }

    fn pod(&self, cluster: &mut Cluster) -> Result<Value, Failure> {
        let table = cluster.table(&self.resource);
        let stored = cluster
            .storage
            .get(table, &key(self.namespace(), self.name()));
        let stored = stored.ok_or_else(|| self.not_found())?;
        Ok(self.whole(stored))
    }

    /// Returns the disruption budgets of the namespace.
    fn budgets(&self, cluster: &mut Cluster) -> (Option<Arc<Resource>>, Vec<Value>) {
        let resource = cluster
            .catalog
            .find(GroupResource::new("policy", "poddisruptionbudgets"))
            .cloned();
        let Some(resource) = resource else {
            return (None, Vec::new());
        };
        let table = cluster.table(&resource);
        let version = &resource.versions[0];
        let kind = api_version(&resource, version);
        let all = cluster.storage.iter(table);
        let here = all.filter(|stored| stored.namespace() == self.namespace());
        let budgets = here.map(|stored| stored.to_object(&kind, &version.kind));
        let budgets = budgets.collect();
        (Some(resource), budgets)
    }
}
