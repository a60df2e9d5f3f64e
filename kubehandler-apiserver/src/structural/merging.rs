//! What server-side apply needs to know of a custom resource: which lists are sets or maps, and which
//! maps are atomic.
//!
//! Source: `pkg/controller/openapi/builder` of `k8s.io/apiextensions-apiserver`, and
//! `k8s.io/kube-openapi/pkg/schemaconv`.

use super::{Additional, Structural, ValueType};
use crate::schema::{Field, List, ListMerge, Map, Scalar, Schema, Type, TypeId, TypeRef};

impl Structural {
    /// Adds the type of the resource's objects to a schema. `metadata` is the type of metadata there.
    pub(crate) fn add_to(&self, schema: &mut Schema, metadata: TypeRef) -> TypeId {
        let mut builder = Builder::new(schema, metadata);
        let keeps_unknown = self.extensions.preserve_unknown_fields;
        let map = builder.object(self, keeps_unknown, true);
        builder.schema.add(Type {
            map: Some(map),
            ..Type::default()
        })
    }
}

struct Builder<'a> {
    schema: &'a mut Schema,
    metadata: TypeRef,
    text: TypeRef,
    /// A value of any type: lists are atomic, objects are not.
    deduced: TypeRef,
}

impl<'a> Builder<'a> {
    fn new(schema: &'a mut Schema, metadata: TypeRef) -> Self {
        let text = schema.add(Type {
            scalar: Some(Scalar::String),
            ..Type::default()
        });
        let deduced = schema.deduced();
        Self {
            schema,
            metadata,
            text: text.plain(),
            deduced: deduced.plain(),
        }
    }

    fn reference(&mut self, value: &Structural, keeps_unknown: bool) -> TypeRef {
        let keeps_unknown = keeps_unknown || value.extensions.preserve_unknown_fields;
        let ty = self.ty(value, keeps_unknown);
        let ty = self.schema.add(ty);
        TypeRef {
            is_nullable: value.nullable,
            ..ty.plain()
        }
    }

    fn ty(&mut self, value: &Structural, keeps_unknown: bool) -> Type {
        let scalar = |scalar| Type {
            scalar: Some(scalar),
            ..Type::default()
        };
        match value.value_type {
            Some(ValueType::Object) => Type {
                map: Some(self.object(value, keeps_unknown, value.extensions.embedded_resource)),
                ..Type::default()
            },
            Some(ValueType::Array) => Type {
                list: Some(self.list(value, keeps_unknown)),
                ..Type::default()
            },
            // Only those that are text as it is; of a format, they are anything.
            Some(ValueType::String) => match &*value.validation.format {
                "" | "byte" => scalar(Scalar::String),
                _ => scalar(Scalar::Untyped),
            },
            Some(ValueType::Integer | ValueType::Number) => scalar(Scalar::Numeric),
            Some(ValueType::Boolean) => scalar(Scalar::Boolean),
            None => Type {
                scalar: Some(Scalar::Untyped),
                list: Some(self.list(value, keeps_unknown)),
                map: Some(self.object(value, keeps_unknown, false)),
            },
        }
    }

    fn object(&mut self, value: &Structural, keeps_unknown: bool, is_resource: bool) -> Map {
        let mut map = Map::default();
        for (name, property) in &value.properties {
            let field = Field {
                ty: self.reference(property, keeps_unknown),
                default: property.default.clone(),
            };
            map.fields.insert(name.clone(), field);
        }
        map.others = match &value.additional {
            Some(Additional::Schema(schema)) => Some(self.reference(schema, keeps_unknown)),
            Some(Additional::Any(true)) => Some(self.deduced),
            Some(Additional::Any(false)) => None,
            None => (keeps_unknown || value.properties.is_empty()).then_some(self.deduced),
        };
        if is_resource {
            let meta = [
                ("apiVersion", self.text),
                ("kind", self.text),
                ("metadata", self.metadata),
            ];
            for (name, ty) in meta {
                map.fields.insert(name.into(), Field { ty, default: None });
            }
        }
        map.is_atomic = value.extensions.map_type.as_deref() == Some("atomic");
        map
    }

    fn list(&mut self, value: &Structural, keeps_unknown: bool) -> List {
        let items = match &value.items {
            Some(items) => self.reference(items, keeps_unknown),
            None => self.deduced,
        };
        let keys = &value.extensions.list_map_keys;
        let merge = match value.extensions.list_type.as_deref() {
            Some("set") => ListMerge::Set,
            Some("map") if !keys.is_empty() => ListMerge::Map(keys.clone().into()),
            _ => ListMerge::Atomic,
        };
        List { items, merge }
    }
}
