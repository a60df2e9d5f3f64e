//! Makes of the table what server-side apply needs: how lists and objects are merged.
//!
//! Source: `k8s.io/kube-openapi/pkg/schemaconv`.

use std::collections::HashMap;

use super::{
    super::{Field, List, ListMerge, Map, Scalar, Schema, Type, TypeId, TypeRef},
    BuiltinTypes, Definition, GoType, Property, What,
};

/// A type without a name: the Go type, and what is said of its lists and objects.
type Inline<'a> = (&'a GoType, ListMerge, Option<bool>);

/// Returns the types of the definitions whose names begin so.
pub(super) fn schema(definitions: &BuiltinTypes, prefix: &str) -> Schema {
    let mut schema = Schema::default();
    let (untyped, deduced) = (schema.untyped(), schema.deduced());
    let mut maker = Maker {
        definitions,
        schema,
        untyped,
        deduced,
        inline: HashMap::new(),
    };
    for definition in definitions.iter().filter(|it| it.name.starts_with(prefix)) {
        let ty = maker.definition(definition);
        let id = maker.schema.declare(definition.name);
        maker.schema.set(id, ty);
    }
    maker.schema
}

struct Maker<'a> {
    definitions: &'a BuiltinTypes,
    schema: Schema,
    untyped: TypeId,
    deduced: TypeId,
    /// Types without names that are there already: fields of one type share it.
    inline: HashMap<Inline<'a>, TypeId>,
}

impl<'a> Maker<'a> {
    fn definition(&mut self, definition: &'a Definition) -> Type {
        match definition.what {
            What::Struct | What::Object => Type {
                map: Some(self.map_of(definition)),
                ..Type::default()
            },
            What::Any | What::IntOrString => self.schema.get(self.deduced).clone(),
            What::RawExtension => self.schema.get(self.untyped).clone(),
            What::Quantity | What::Time | What::MicroTime => scalar(Scalar::Untyped),
        }
    }

    fn map_of(&mut self, definition: &'a Definition) -> Map {
        let fields = definition.fields.iter();
        let fields = fields.map(|property| (property.name.into(), self.field(property)));
        let fields = fields.collect();
        Map {
            fields,
            // An object of which no field is known can have any.
            others: definition.fields.is_empty().then(|| self.deduced.plain()),
            is_atomic: definition.is_atomic,
        }
    }

    fn field(&mut self, property: &'a Property) -> Field {
        let is_atomic = property.map_type().map(|ty| ty == "atomic");
        let default = property
            .default()
            .map(|json| serde_json::from_str(json).expect("the generator writes defaults as JSON"));
        Field {
            ty: self.used(&property.ty, list_merge(property), is_atomic),
            default,
        }
    }

    fn used(&mut self, ty: &'a GoType, merge: ListMerge, is_atomic: Option<bool>) -> TypeRef {
        if let GoType::Defined(id) = ty {
            let name = self.definitions.get(*id).name;
            return TypeRef {
                is_atomic,
                ..self.schema.declare(name).plain()
            };
        }
        let key = (ty, merge, is_atomic);
        if let Some(id) = self.inline.get(&key) {
            return id.plain();
        }
        let ty = self.inlined(&key);
        let id = self.schema.add(ty);
        self.inline.insert(key, id);
        id.plain()
    }

    fn inlined(&mut self, (ty, merge, is_atomic): &Inline<'a>) -> Type {
        match *ty {
            GoType::String | GoType::Bytes => scalar(Scalar::String),
            GoType::Bool => scalar(Scalar::Boolean),
            GoType::Int32 | GoType::Int64 | GoType::Double => scalar(Scalar::Numeric),
            GoType::List(items) => Type {
                list: Some(List {
                    items: self.used(items, ListMerge::Atomic, None),
                    merge: merge.clone(),
                }),
                ..Type::default()
            },
            GoType::Map(others) => Type {
                map: Some(Map {
                    others: Some(self.used(others, ListMerge::Atomic, None)),
                    is_atomic: *is_atomic == Some(true),
                    ..Map::default()
                }),
                ..Type::default()
            },
            GoType::Defined(_) => Type::default(), // It is used by its name.
        }
    }
}

fn scalar(scalar: Scalar) -> Type {
    Type {
        scalar: Some(scalar),
        ..Type::default()
    }
}

/// What a strategic merge does counts only where nothing is said for server-side apply.
fn list_merge(property: &Property) -> ListMerge {
    if let Some(ty) = property.list_type() {
        return match (ty, ty.strip_prefix("map:")) {
            (_, Some(keys)) => ListMerge::Map(keys.split(',').map(Box::from).collect()),
            ("set", _) => ListMerge::Set,
            _ => ListMerge::Atomic,
        };
    }
    match (property.patch_strategy(), property.patch_merge_key()) {
        (Some("merge" | "merge,retainKeys"), Some(key)) => ListMerge::Map([key.into()].into()),
        (Some("merge" | "merge,retainKeys"), None) => ListMerge::Set,
        _ => ListMerge::Atomic,
    }
}
