//! What a new or changed object gets that no other has: the addresses and ports of services.

use serde_json::Value;

use super::Call;
use crate::{
    controllers::Cluster, failure::Failure, group::GroupResource, kinds::services, object,
};

impl Call<'_> {
    /// Gives a service the addresses and ports that it needs and does not have.
    pub(super) fn allocate(
        &self,
        cluster: &mut Cluster,
        service: &mut Value,
    ) -> Result<(), Failure> {
        let resource = &self.resource;
        if !(resource.group.is_empty() && resource.plural == "services") {
            return Ok(());
        }
        let table = cluster.table(resource);
        let key = (object::namespace(service), object::name(service));
        let others = cluster.storage.iter(table);
        let others = others.filter(|other| (other.namespace(), other.name()) != key);
        let others: Vec<_> = others.map(|other| other.to_value()).collect();
        let causes = services::allocate(service, &others, &mut |limit| cluster.random(limit));
        if causes.is_empty() {
            return Ok(());
        }
        let (kind, name) = (&self.version.kind, object::name(service));
        Err(Failure::invalid(
            GroupResource::new(&resource.group, kind),
            name,
            causes,
        ))
    }
}
