//! The resourceVersion that a request names.

use crate::{
    failure::{Cause, Failure},
    numbers::parse_u64,
    wire::query::Query,
};

/// The resourceVersion that a request names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ResourceVersion {
    /// None: the newest there is.
    Unset,
    /// `0`: whatever is at hand.
    Any,
    /// This one.
    At(u64),
}

impl ResourceVersion {
    /// Reads the version; the error names the field.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        if text.is_empty() {
            return Ok(Self::Unset);
        }
        match parse_u64(text) {
            Ok(0) => Ok(Self::Any),
            Ok(version) => Ok(Self::At(version)),
            Err(why) => Err(Cause::invalid("resourceVersion", text, &why).sentence()),
        }
    }
}

/// What a GET of one object asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct GetOptions {
    /// The object must not be older than this.
    pub(crate) resource_version: ResourceVersion,
}

impl GetOptions {
    /// Reads the options of a GET.
    pub(crate) fn parse(query: &Query) -> Result<Self, Failure> {
        if query.flag("export") == Some(true) {
            let message = "the export parameter, deprecated since v1.14, is no longer supported";
            return Err(Failure::bad_request(message));
        }
        let resource_version = query.first("resourceVersion").unwrap_or_default();
        let resource_version =
            ResourceVersion::parse(resource_version).map_err(Failure::unexpected)?;
        Ok(Self { resource_version })
    }
}
