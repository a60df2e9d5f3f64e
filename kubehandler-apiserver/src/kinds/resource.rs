//! One resource: what a generator found out about a built-in kind, or what a CRD says.

use std::{
    borrow::Cow,
    sync::{Arc, OnceLock},
};

use crate::{
    cel::CompiledRules,
    group::{GroupResource, GroupVersion},
    schema::{Schema, TypeId, TypeRef, builtin},
    structural::Structural,
};

/// Text that is either compiled in or came with a CRD.
pub(crate) type Text = Cow<'static, str>;

/// A resource of a group. All its versions share one storage.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Resource {
    /// The group, empty for the core one.
    pub(crate) group: Text,
    /// The name in the URL, such as `pods`.
    pub(crate) plural: Text,
    /// The name that commands accept, such as `pod`.
    pub(crate) singular: Text,
    /// Other names that commands accept, such as `po`.
    pub(crate) short_names: Cow<'static, [Text]>,
    /// Sets that the resource is in, such as `all`.
    pub(crate) categories: Cow<'static, [Text]>,
    /// Objects live in namespaces.
    pub(crate) is_namespaced: bool,
    /// What objects are in the version that they are stored in, served or not; absent for built-in
    /// kinds.
    pub(crate) storage_schema: Option<Arc<Structural>>,
    /// The served versions, the preferred one first. Never empty.
    pub(crate) versions: Cow<'static, [Version]>,
    /// How objects behave when they are written.
    pub(crate) rules: Rules,
}

/// A resource in one version of its group.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Version {
    /// Such as `v1`.
    pub(crate) name: Text,
    /// Such as `Pod`.
    pub(crate) kind: Text,
    /// The verbs of the resource itself, as discovery spells them.
    pub(crate) verbs: Cow<'static, [Text]>,
    /// Such as `status`.
    pub(crate) subresources: Cow<'static, [Subresource]>,
    /// What legacy discovery says about the stored version; opaque.
    pub(crate) storage_version_hash: Text,
    /// What objects are; absent for built-in kinds.
    pub(crate) schema: Option<Arc<Structural>>,
    /// How custom objects are merged, and their rules, by the same schema.
    pub(crate) types: Option<Arc<CustomTypes>>,
}

/// How the objects of a custom resource are merged, and the rules that they keep.
#[derive(Debug)]
pub(crate) struct CustomTypes {
    schema: Schema,
    object: TypeId,
    structural: Arc<Structural>,
    /// Compiled when the first object is written: a definition is read more often than it changes.
    rules: OnceLock<Option<CompiledRules>>,
}

/// Rules are not compared: they belong to a schema that is.
impl PartialEq for CustomTypes {
    fn eq(&self, other: &Self) -> bool {
        self.schema == other.schema && self.object == other.object
    }
}

impl CustomTypes {
    pub(crate) fn new(structural: &Arc<Structural>) -> Self {
        let (mut schema, metadata) = builtin::metadata();
        let object = structural.add_to(&mut schema, metadata);
        Self {
            schema,
            object,
            structural: structural.clone(),
            rules: OnceLock::new(),
        }
    }

    /// Returns the rules of the schema, if it has any.
    pub(crate) fn rules(&self) -> Option<&CompiledRules> {
        let compile = || CompiledRules::compile(&self.structural);
        self.rules.get_or_init(compile).as_ref()
    }

    /// Returns the type of an object, and the schema that it is in.
    pub(crate) fn object(&self) -> (&Schema, TypeRef) {
        (&self.schema, self.object.plain())
    }
}

/// A subresource in one version.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Subresource {
    /// The name in the URL, such as `status`.
    pub(crate) name: Text,
    /// The group of its kind; differs from the resource's for `scale`, say.
    pub(crate) group: Text,
    /// The version of its kind.
    pub(crate) version: Text,
    /// Such as `Scale`.
    pub(crate) kind: Text,
    /// The verbs, as discovery spells them.
    pub(crate) verbs: Cow<'static, [Text]>,
}

/// How objects of a resource behave when they are written.
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Rules {
    /// What a name must look like.
    pub(crate) names: NameRule,
    /// `metadata.generation` counts the changes of what the user wants.
    pub(crate) has_generation: bool,
    /// A PUT may create the object.
    pub(crate) creates_on_update: bool,
    /// A PUT need not name a resourceVersion.
    pub(crate) updates_unconditionally: bool,
    /// Fields that a field selector may name beside `metadata.name` and `metadata.namespace`: the
    /// name in the selector, and the path in the object.
    pub(crate) selectable: Cow<'static, [(Text, Text)]>,
    /// Where `scale` finds its numbers: `spec` path, `status` path, and the path of the selector.
    pub(crate) scale: Option<ScalePaths>,
    /// The objects are custom: they keep `apiVersion` and `kind` in lists, and their updates must
    /// name a resourceVersion.
    pub(crate) is_custom: bool,
}

/// Where `scale` finds its numbers, as dotted paths without the first dot.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct ScalePaths {
    /// The wanted number, such as `spec.replicas`.
    pub(crate) spec: Text,
    /// The number there is, such as `status.replicas`.
    pub(crate) status: Text,
    /// The selector, such as `status.labelSelector`; empty if there is none.
    pub(crate) selector: Text,
}

/// What a name must look like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NameRule {
    /// An RFC 1123 subdomain, at most 253 characters.
    Subdomain,
    /// An RFC 1123 label, at most 63 characters.
    Label,
    /// An RFC 1035 label, at most 63 characters.
    Label1035,
    /// Anything that can stand in a URL's path.
    PathSegment,
}

impl Resource {
    /// Returns the version of this name, if it is served.
    pub(crate) fn version(&self, name: &str) -> Option<&Version> {
        self.versions.iter().find(|version| version.name == name)
    }

    /// Takes over each schema that has not changed, so that objects stored under it are known to
    /// fit.
    pub(crate) fn keep_schemas(&mut self, old: &Self) {
        let known = old
            .versions
            .iter()
            .filter_map(|version| version.schema.as_ref());
        let known: Vec<_> = known.chain(old.storage_schema.as_ref()).collect();
        let keep = |schema: &mut Arc<Structural>| {
            if let Some(same) = known.iter().find(|known| **known == schema) {
                *schema = Arc::clone(same);
            }
        };
        let versions = self.versions.to_mut().iter_mut();
        let schemas = versions.filter_map(|version| version.schema.as_mut());
        schemas.chain(self.storage_schema.as_mut()).for_each(keep);
    }

    /// Returns what messages name it by.
    pub(crate) fn group_resource(&self) -> GroupResource<'_> {
        GroupResource::new(&self.group, &self.plural)
    }

    /// Returns one of its versions with the group.
    pub(crate) fn group_version<'a>(&'a self, version: &'a Version) -> GroupVersion<'a> {
        GroupVersion::new(&self.group, &version.name)
    }
}

/// Returns the `apiVersion` of a resource's objects: `v1` or `apps/v1`.
pub(crate) fn api_version(resource: &Resource, version: &Version) -> String {
    resource.group_version(version).to_string()
}
