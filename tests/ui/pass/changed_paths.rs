//! Paths in Kubernetes' words and in Rust's, through options.

use kubehandler::{
    EventHandler,
    k8s::{ConfigMap, CustomResourceDefinition, Deployment, Node, Pod, Role, Service},
};

macro_rules! changed {
    ($($name:ident: $kind:ty, $path:literal;)*) => {$(
        #[derive(EventHandler)]
        #[handler(resource = $kind, changed = $path)]
        pub struct $name;
    )*};
}

changed! {
    Labels: Pod, "metadata.labels";
    DeletionTimestamp: Pod, "metadata.deletionTimestamp";
    Spec: Pod, "spec";
    NodeName: Pod, "spec.nodeName";
    NodeNameInRust: Pod, "spec.node_name";
    HostIpc: Pod, "spec.hostIPC";
    PodIps: Pod, "status.podIPs";
    FsGroup: Pod, "spec.securityContext.fsGroup";
    Fqdn: Pod, "spec.setHostnameAsFQDN";
    Replicas: Deployment, "spec.replicas";
    Strategy: Deployment, "spec.strategy.type";
    MaxSurge: Deployment, "spec.strategy.rollingUpdate.maxSurge";
    TemplateLabels: Deployment, "spec.template.metadata.labels";
    Data: ConfigMap, "data";
    ClusterIps: Service, "spec.clusterIPs";
    ServiceType: Service, "spec.type";
    PodCidrs: Node, "spec.podCIDRs";
    MachineId: Node, "status.nodeInfo.machineID";
    Rules: Role, "rules";
    Plural: CustomResourceDefinition, "spec.names.plural";
}
