//! Values, sets and schemas from YAML.

use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::{
    merge::{FieldSet, ObjectType},
    schema::{Field, List, ListMerge, Map, Scalar, Schema, Type, TypeRef},
};

pub(super) fn yaml<T: DeserializeOwned>(text: &str) -> T {
    serde_saphyr::from_str(text).expect("the test has proper YAML")
}

/// Reads a set from its `FieldsV1`.
pub(super) fn set(fields: &Value) -> FieldSet {
    FieldSet::from_fields_v1(fields).expect("the test has a proper set")
}

/// A schema, and the name of the type that the objects of a test have.
pub(super) struct Typed {
    schema: Schema,
    name: String,
}

impl Typed {
    /// Reads a schema as `structured-merge-diff` has it.
    pub(super) fn new(types: &Value, name: &str) -> Self {
        let mut schema = Schema::default();
        for ty in types["types"].as_array().into_iter().flatten() {
            let id = schema.declare(text(&ty["name"]));
            let ty = read_type(&mut schema, ty);
            schema.set(id, ty);
        }
        Self {
            schema,
            name: name.to_owned(),
        }
    }

    pub(super) fn ty(&self) -> ObjectType<'_> {
        self.named(&self.name).expect("the schema has the type")
    }

    /// Returns another type of the schema.
    pub(super) fn named(&self, name: &str) -> Option<ObjectType<'_>> {
        let id = self.schema.named(name)?;
        Some(ObjectType::new(&self.schema, id.plain()))
    }
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn read_type(schema: &mut Schema, ty: &Value) -> Type {
    Type {
        scalar: match text(&ty["scalar"]) {
            "numeric" => Some(Scalar::Numeric),
            "string" => Some(Scalar::String),
            "boolean" => Some(Scalar::Boolean),
            "untyped" => Some(Scalar::Untyped),
            _ => None,
        },
        list: ty.get("list").map(|list| List {
            items: read_use(schema, &list["elementType"]),
            merge: read_merge(list),
        }),
        map: ty.get("map").map(|map| Map {
            fields: map["fields"]
                .as_array()
                .into_iter()
                .flatten()
                .map(|field| {
                    let ty = read_use(schema, &field["type"]);
                    let default = field.get("default").cloned();
                    (text(&field["name"]).into(), Field { ty, default })
                })
                .collect(),
            others: map.get("elementType").map(|ty| read_use(schema, ty)),
            is_atomic: map["elementRelationship"] == "atomic",
        }),
    }
}

fn read_merge(list: &Value) -> ListMerge {
    let keys = list["keys"].as_array().into_iter().flatten();
    let keys: Box<[Box<str>]> = keys.map(|key| text(key).into()).collect();
    match text(&list["elementRelationship"]) {
        "associative" if keys.is_empty() => ListMerge::Set,
        "associative" => ListMerge::Map(keys),
        _ => ListMerge::Atomic,
    }
}

fn read_use(schema: &mut Schema, ty: &Value) -> TypeRef {
    let id = if let Some(name) = ty["namedType"].as_str() {
        schema.declare(name)
    } else {
        let inlined = read_type(schema, ty);
        schema.add(inlined)
    };
    TypeRef {
        is_atomic: ty["elementRelationship"].as_str().map(|it| it == "atomic"),
        ..id.plain()
    }
}
