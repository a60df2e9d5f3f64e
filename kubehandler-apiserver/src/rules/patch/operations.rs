//! JSON patch with the leniency of the real server's library, which RFC 6902 does not have.
//!
//! A replaced or copied member need not be there, `test` finds `null` where nothing is, a negative
//! index counts from the end, and a missing `value` is `null`. Source: `evanphx/json-patch` v4.

use serde_json::Value;

/// The operation cannot be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Impossible;

/// A container of the document and what names a place in it.
struct Location<'a> {
    container: &'a mut Value,
    key: String,
}

/// Does the operations in turn. If one is impossible, the document is left as it is then.
pub(crate) fn apply(document: &mut Value, operations: &[Value]) -> Result<(), Impossible> {
    operations
        .iter()
        .try_for_each(|operation| step(document, operation))
}

fn step(document: &mut Value, operation: &Value) -> Result<(), Impossible> {
    let text = |name| operation.get(name).and_then(Value::as_str);
    let path = text("path").ok_or(Impossible)?;
    let value = || operation.get("value").cloned().unwrap_or_default();
    match text("op").ok_or(Impossible)? {
        "add" => find(document, path)?.add(value()),
        "remove" => find(document, path)?.remove(),
        "replace" if path.is_empty() => {
            *document = value();
            Ok(())
        }
        "replace" => find(document, path)?.replace(value()),
        "move" => {
            let from = find(document, text("from").ok_or(Impossible)?)?;
            let moved = from.get()?;
            from.remove()?;
            find(document, path)?.add(moved)
        }
        "copy" => {
            let copied = find(document, text("from").ok_or(Impossible)?)?.get()?;
            find(document, path)?.add(copied)
        }
        "test" => {
            let found = if path.is_empty() {
                document.clone()
            } else {
                find(document, path)?.get()?
            };
            if found == value() {
                Ok(())
            } else {
                Err(Impossible)
            }
        }
        _ => Err(Impossible),
    }
}

fn find<'a>(document: &'a mut Value, path: &str) -> Result<Location<'a>, Impossible> {
    // Whatever is before the first slash does not count.
    let (_, path) = path.split_once('/').ok_or(Impossible)?;
    let (parents, key) = path
        .rsplit_once('/')
        .map_or((None, path), |(up, key)| (Some(up), key));
    let mut container = document;
    for name in parents.into_iter().flat_map(|parents| parents.split('/')) {
        container = Location {
            container,
            key: unescaped(name),
        }
        .into_member()?;
    }
    if !container.is_object() && !container.is_array() {
        return Err(Impossible);
    }
    Ok(Location {
        container,
        key: unescaped(key),
    })
}

fn unescaped(name: &str) -> String {
    name.replace("~1", "/").replace("~0", "~")
}

impl<'a> Location<'a> {
    fn into_member(self) -> Result<&'a mut Value, Impossible> {
        match self.container {
            Value::Object(fields) => fields.get_mut(&self.key).ok_or(Impossible),
            Value::Array(items) => {
                let index = index(&self.key, items.len())?;
                items.get_mut(index).ok_or(Impossible)
            }
            _ => Err(Impossible),
        }
    }

    /// Returns what is there; `null` for a member that is not.
    fn get(&self) -> Result<Value, Impossible> {
        match &*self.container {
            Value::Object(fields) => Ok(fields.get(&self.key).cloned().unwrap_or_default()),
            Value::Array(items) => {
                let index = index(&self.key, items.len())?;
                items.get(index).cloned().ok_or(Impossible)
            }
            _ => Err(Impossible),
        }
    }

    fn add(self, value: Value) -> Result<(), Impossible> {
        match self.container {
            Value::Object(fields) => {
                fields.insert(self.key, value);
                Ok(())
            }
            Value::Array(items) if self.key == "-" => {
                items.push(value);
                Ok(())
            }
            Value::Array(items) => {
                let index = index(&self.key, items.len() + 1)?;
                items.insert(index, value);
                Ok(())
            }
            _ => Err(Impossible),
        }
    }

    fn replace(self, value: Value) -> Result<(), Impossible> {
        match self.container {
            Value::Object(fields) => {
                fields.insert(self.key, value);
                Ok(())
            }
            Value::Array(items) => {
                let index = index(&self.key, items.len())?;
                items[index] = value;
                Ok(())
            }
            _ => Err(Impossible),
        }
    }

    fn remove(self) -> Result<(), Impossible> {
        match self.container {
            Value::Object(fields) => fields.remove(&self.key).map(drop).ok_or(Impossible),
            Value::Array(items) => {
                let index = index(&self.key, items.len())?;
                items.remove(index);
                Ok(())
            }
            _ => Err(Impossible),
        }
    }
}

/// Returns the index that a key names among `len`; a negative one counts from the end.
fn index(key: &str, len: usize) -> Result<usize, Impossible> {
    let index: i64 = key.parse().map_err(|_| Impossible)?;
    let len = i64::try_from(len).map_err(|_| Impossible)?;
    let index = if index < 0 { index + len } else { index };
    if (0..len).contains(&index) {
        usize::try_from(index).map_err(|_| Impossible)
    } else {
        Err(Impossible)
    }
}
