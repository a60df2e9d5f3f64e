//! Facts of Kubernetes 1.37, looked up by hand in its types and documents.

use serde_json::{Value, json};

use super::{
    super::{Field, ListMerge, Map, Scalar, Type, TypeRef},
    *,
};
use crate::group::GroupVersion;
use crate::kinds::Catalog;

/// Follows fields from a kind, `[]` into the items of a list, and `{}` into the values of a map.
fn at(kind: [&str; 3], path: &str) -> TypeRef {
    let [group, version, kind] = kind;
    let mut ty = type_of(GroupVersion::new(group, version), kind)
        .expect("the kind is known")
        .plain();
    for name in path.split('.').filter(|name| !name.is_empty()) {
        ty = match name {
            "[]" => list(ty).0,
            "{}" => map(ty).others.expect("it takes any field"),
            name => field(ty, name).ty,
        };
    }
    ty
}

fn get(ty: TypeRef) -> &'static Type {
    schema().get(ty.ty)
}

fn map(ty: TypeRef) -> &'static Map {
    get(ty).map.as_ref().expect("an object")
}

fn field(ty: TypeRef, name: &str) -> &'static Field {
    map(ty).fields.get(name).expect("the field is known")
}

fn list(ty: TypeRef) -> (TypeRef, &'static ListMerge) {
    let list = get(ty).list.as_ref().expect("a list");
    (list.items, &list.merge)
}

fn keys(names: &[&str]) -> ListMerge {
    ListMerge::Map(names.iter().map(|name| Box::from(*name)).collect())
}

const POD: [&str; 3] = ["", "v1", "Pod"];
const SERVICE: [&str; 3] = ["", "v1", "Service"];
const DEPLOYMENT: [&str; 3] = ["apps", "v1", "Deployment"];
const NETWORK_POLICY: [&str; 3] = ["networking.k8s.io", "v1", "NetworkPolicy"];
const DEFINITION: [&str; 3] = ["apiextensions.k8s.io", "v1", "CustomResourceDefinition"];

#[test]
fn every_kind_that_is_served_has_a_type() {
    for resource in Catalog::builtin().iter() {
        for version in resource.versions.iter() {
            let parts = version.subresources.iter();
            let parts = parts.map(|part| (&*part.group, &*part.version, &*part.kind));
            for (group, part_version, kind) in parts.chain([("", "", &*version.kind)]) {
                let (group, version) = match part_version {
                    "" => (&*resource.group, &*version.name),
                    part_version => (group, part_version),
                };
                let is_options = kind.ends_with("Options"); // They are in queries.
                assert!(
                    is_options || type_of(GroupVersion::new(group, version), kind).is_some(),
                    "{group}/{version} {kind}"
                );
            }
        }
    }
}

#[test]
fn lists_are_merged_as_their_kinds_say() {
    let cases = [
        (POD, "spec.containers", keys(&["name"])),
        (POD, "spec.initContainers", keys(&["name"])),
        (POD, "spec.volumes", keys(&["name"])),
        (POD, "spec.tolerations", ListMerge::Atomic),
        (POD, "spec.imagePullSecrets", keys(&["name"])),
        (POD, "spec.hostAliases", keys(&["ip"])),
        (
            POD,
            "spec.topologySpreadConstraints",
            keys(&["topologyKey", "whenUnsatisfiable"]),
        ),
        (
            POD,
            "spec.containers.[].ports",
            keys(&["containerPort", "protocol"]),
        ),
        (POD, "spec.containers.[].env", keys(&["name"])),
        (POD, "spec.containers.[].args", ListMerge::Atomic),
        (POD, "spec.containers.[].volumeMounts", keys(&["mountPath"])),
        (POD, "status.conditions", keys(&["type"])),
        (POD, "metadata.finalizers", ListMerge::Set),
        (POD, "metadata.ownerReferences", keys(&["uid"])),
        (POD, "metadata.managedFields", ListMerge::Atomic),
        (SERVICE, "spec.ports", keys(&["port", "protocol"])),
        (SERVICE, "spec.clusterIPs", ListMerge::Atomic),
        (DEPLOYMENT, "spec.template.spec.containers", keys(&["name"])),
        (NETWORK_POLICY, "spec.ingress", ListMerge::Atomic),
        (["", "v1", "ServiceAccount"], "secrets", keys(&["name"])),
    ];
    for (kind, path, expected) in cases {
        assert_eq!(list(at(kind, path)).1, &expected, "{kind:?} {path}");
    }
}

#[test]
fn objects_are_merged_as_a_whole_where_their_kinds_say_so() {
    let cases = [
        (POD, "spec", None, false),
        (POD, "spec.nodeSelector", None, true),
        (POD, "metadata.labels", None, false),
        (SERVICE, "spec.selector", None, true),
        (DEPLOYMENT, "spec.selector", None, true),
        (["", "v1", "ConfigMap"], "data", None, false),
        (
            ["", "v1", "PersistentVolume"],
            "spec.claimRef",
            Some(false),
            true,
        ),
        (
            ["", "v1", "ReplicationController"],
            "spec.selector",
            None,
            true,
        ),
    ];
    for (kind, path, of_use, of_type) in cases {
        let ty = at(kind, path);
        assert_eq!(
            (ty.is_atomic, map(ty).is_atomic),
            (of_use, of_type),
            "{kind:?} {path}"
        );
    }
}

#[test]
fn scalars_are_what_go_writes() {
    let cases = [
        (DEPLOYMENT, "spec.replicas", Scalar::Numeric),
        (DEPLOYMENT, "spec.paused", Scalar::Boolean),
        (POD, "spec.nodeName", Scalar::String),
        (["", "v1", "Secret"], "data.{}", Scalar::String),
        (POD, "metadata.creationTimestamp", Scalar::Untyped),
        (
            ["coordination.k8s.io", "v1", "Lease"],
            "spec.renewTime",
            Scalar::Untyped,
        ),
        (
            POD,
            "spec.containers.[].resources.limits.{}",
            Scalar::Untyped,
        ),
    ];
    for (kind, path, expected) in cases {
        assert_eq!(
            get(at(kind, path)).scalar,
            Some(expected),
            "{kind:?} {path}"
        );
    }
    let quantity = get(at(POD, "spec.containers.[].resources.limits.{}"));
    assert_eq!((&quantity.list, &quantity.map), (&None, &None));
}

#[test]
fn what_can_be_of_several_types_can_be_anything() {
    let deduced = schema().named(Schema::DEDUCED).expect("a common type");
    let untyped = schema().named(Schema::UNTYPED).expect("a common type");
    let cases = [
        (SERVICE, "spec.ports.[].targetPort", deduced),
        (DEPLOYMENT, "spec.strategy.rollingUpdate.maxSurge", deduced),
        (
            DEFINITION,
            "spec.versions.[].schema.openAPIV3Schema.default",
            deduced,
        ),
        (["apps", "v1", "ControllerRevision"], "data", untyped),
    ];
    for (kind, path, expected) in cases {
        assert_eq!(
            get(at(kind, path)),
            schema().get(expected),
            "{kind:?} {path}"
        );
    }
    let fields = map(at(POD, "metadata.managedFields.[].fieldsV1"));
    assert_eq!(fields.others, Some(deduced.plain()));
}

#[test]
fn fields_have_the_defaults_that_keys_need() {
    let cases = [
        (POD, "spec.containers.[].ports.[]", "protocol", json!("TCP")),
        (
            POD,
            "spec.containers.[].ports.[]",
            "containerPort",
            json!(0),
        ),
        (SERVICE, "spec.ports.[]", "protocol", json!("TCP")),
        (POD, "spec.containers.[]", "name", json!("")),
        (DEPLOYMENT, "", "metadata", json!({})),
        (DEPLOYMENT, "spec", "replicas", Value::Null),
    ];
    for (kind, path, name, expected) in cases {
        let default = field(at(kind, path), name).default.clone();
        assert_eq!(default.unwrap_or_default(), expected, "{kind:?} {path}");
    }
}

#[test]
fn type_that_refers_to_itself_has_a_place() {
    let schema = at(DEFINITION, "spec.versions.[].schema.openAPIV3Schema");

    let inner = at(
        DEFINITION,
        "spec.versions.[].schema.openAPIV3Schema.properties.{}.not",
    );

    assert_eq!(schema.ty, inner.ty);
}

#[test]
fn table_says_what_decoding_and_strategic_merge_need() {
    let definitions = definitions();
    let spec = definitions.named("io.k8s.api.core.v1.PodSpec");
    let spec = spec.expect("the type is known");
    let property = |definition: &'static Definition, name| {
        &definition.fields[definition.place(name).expect("the field is known")]
    };
    let volumes = property(spec, "volumes");
    let restart_policy = property(spec, "restartPolicy");
    let volume = definitions.named("io.k8s.api.core.v1.Volume");
    let volume = volume.expect("the type is known");

    assert_eq!(volumes.patch_strategy(), Some("merge,retainKeys"));
    assert_eq!(volumes.patch_merge_key(), Some("name"));
    assert!(property(spec, "containers").is_required());
    assert!(!volumes.is_required());
    assert_eq!(restart_policy.go_name(), Some("v1.RestartPolicy"));
    assert!(restart_policy.omits_empty);
    assert!(!property(spec, "activeDeadlineSeconds").omits_empty);
    assert_eq!(
        property(volume, "hostPath").embedded_in(),
        Some("VolumeSource")
    );
    assert_eq!(property(volume, "name").embedded_in(), None);
    assert_eq!(definitions.go_name(&volumes.ty), "[]v1.Volume");
}
