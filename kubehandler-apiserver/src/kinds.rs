//! What the server serves: every resource with its versions, verbs, scope and rules, as data.

mod resource;

pub(crate) use self::resource::{NameRule, Resource, Rules, ScalePaths, Subresource, Version};
