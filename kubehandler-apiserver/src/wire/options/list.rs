//! What a list, a watch or a collection of deletes asks for.

use super::{ContinueToken, ResourceVersion, refuse};
use crate::{
    failure::{Cause, Failure},
    selector::{FieldSelector, LabelSelector},
    wire::query::Query,
};

/// What a list, a watch or a collection of deletes asks for.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct ListOptions {
    /// The labels that objects must have.
    pub(crate) labels: LabelSelector,
    /// The fields that objects must have, as the URL names them: see [`FieldSelector::resolve`].
    pub(crate) fields: FieldSelector,
    /// The request is a watch.
    pub(crate) is_watch: bool,
    /// The client understands bookmarks.
    pub(crate) allows_bookmarks: bool,
    /// The version asked for, unchecked: [`ListOptions::list_start`] and
    /// [`ListOptions::watch_start`] check it.
    pub(crate) resource_version: String,
    /// How the version is meant.
    pub(crate) version_match: Option<VersionMatch>,
    /// Seconds until a watch ends; the client wants the server to choose if there is none, or zero.
    pub(crate) timeout_seconds: Option<i64>,
    /// The most objects, unchecked: see [`ListOptions::page`].
    pub(crate) limit: i64,
    /// The token of the list before, unchecked; empty for the first.
    pub(crate) continue_token: String,
    /// A watch begins with what there is, and a bookmark after it where those are allowed.
    pub(crate) sends_initial_events: Option<bool>,
}

/// How a resourceVersion is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum VersionMatch {
    /// This one and no other.
    Exact,
    /// This one or a newer one.
    NotOlderThan,
}

/// What a list reads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ListStart {
    /// The newest there is.
    Latest,
    /// The newest there is, once that is at least this version; `0` never waits.
    NotOlderThan(u64),
    /// Just this version.
    Exact(u64),
    /// The rest of a list before.
    Continue(ContinueToken),
}

impl ListOptions {
    /// Reads the options of a list, a watch or a collection of deletes.
    pub(crate) fn parse(query: &Query) -> Result<Self, Failure> {
        let timeout_seconds = query.integer("timeoutSeconds")?;
        let limit = query.integer("limit")?.unwrap_or_default();
        let labels = query.first("labelSelector").unwrap_or_default();
        let fields = query.first("fieldSelector").unwrap_or_default();
        let mut version_match = query.first("resourceVersionMatch").unwrap_or_default();
        let mut options = Self {
            labels: LabelSelector::parse(labels).map_err(Failure::bad_request)?,
            fields: FieldSelector::parse(fields).map_err(Failure::bad_request)?,
            is_watch: query.flag("watch").unwrap_or_default(),
            allows_bookmarks: query.flag("allowWatchBookmarks").unwrap_or_default(),
            resource_version: query.text("resourceVersion"),
            version_match: VersionMatch::parse(version_match),
            timeout_seconds,
            limit,
            continue_token: query.text("continue"),
            sends_initial_events: query.flag("sendInitialEvents"),
        };
        let causes = if options.is_watch {
            if options.begins_with_what_there_is(version_match) {
                version_match = "NotOlderThan";
                options.version_match = VersionMatch::parse(version_match);
                options.sends_initial_events = Some(true);
            }
            options.watch_causes(version_match)
        } else {
            options.list_causes(version_match)
        };
        refuse("ListOptions", causes)?;
        Ok(options)
    }

    /// Returns the snapshot that a list, or a collection of deletes, reads.
    pub(crate) fn list_start(&self) -> Result<ListStart, Failure> {
        if !self.continue_token.is_empty() {
            let token = ContinueToken::decode(&self.continue_token)?;
            if !matches!(self.resource_version.as_str(), "" | "0") {
                let message = "specifying resource version is not allowed when using continue";
                return Err(Failure::bad_request(message));
            }
            return Ok(ListStart::Continue(token));
        }
        let version = ResourceVersion::parse(&self.resource_version)
            .map_err(|error| Failure::bad_request(format!("invalid resource version: {error}")))?;
        let is_exact = match self.version_match {
            Some(version_match) => version_match == VersionMatch::Exact,
            None => self.limit > 0, // As it was before there was a way to say it.
        };
        Ok(match version {
            ResourceVersion::Unset => ListStart::Latest,
            ResourceVersion::Any => ListStart::NotOlderThan(0),
            ResourceVersion::At(version) if is_exact => ListStart::Exact(version),
            ResourceVersion::At(version) => ListStart::NotOlderThan(version),
        })
    }

    /// Returns how many objects the list has at most, if it is cut at all.
    ///
    /// A list that takes whatever is at hand never is.
    pub(crate) fn page(&self) -> Option<usize> {
        let limit = usize::try_from(self.limit).ok().filter(|limit| *limit > 0);
        limit.filter(|_| self.resource_version != "0")
    }

    /// Returns the version that a watch begins at.
    pub(crate) fn watch_start(&self) -> Result<ResourceVersion, Failure> {
        ResourceVersion::parse(&self.resource_version).map_err(Failure::unexpected)
    }

    /// A watch without a version begins with what there is, though it does not ask for it: the same
    /// as if it had.
    fn begins_with_what_there_is(&self, version_match: &str) -> bool {
        let says_nothing = self.sends_initial_events.is_none() && version_match.is_empty();
        says_nothing && matches!(self.resource_version.as_str(), "" | "0")
    }

    fn list_causes(&self, version_match: &str) -> Vec<Cause> {
        let field = "resourceVersionMatch";
        let mut causes = Vec::new();
        if !version_match.is_empty() {
            if self.resource_version.is_empty() {
                let detail = "resourceVersionMatch is forbidden unless resourceVersion is provided";
                causes.push(Cause::forbidden(field, detail));
            }
            causes.extend(self.continue_cause());
            if self.version_match.is_none() {
                let supported = ["Exact", "NotOlderThan", ""];
                causes.push(Cause::not_supported(field, version_match, &supported));
            }
            if self.version_match == Some(VersionMatch::Exact) && self.resource_version == "0" {
                let detail =
                    "resourceVersionMatch \"exact\" is forbidden for resourceVersion \"0\"";
                causes.push(Cause::forbidden(field, detail));
            }
        }
        if self.sends_initial_events.is_some() {
            let detail = "sendInitialEvents is forbidden for list";
            causes.push(Cause::forbidden("sendInitialEvents", detail));
        }
        causes
    }

    fn watch_causes(&self, version_match: &str) -> Vec<Cause> {
        let field = "resourceVersionMatch";
        let is_right = self.version_match == Some(VersionMatch::NotOlderThan);
        let mut causes = Vec::new();
        if self.sends_initial_events.is_some() && !is_right {
            let detail = "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan";
            causes.push(Cause::forbidden(field, detail));
        }
        if !version_match.is_empty() {
            if self.sends_initial_events.is_none() {
                let detail = "resourceVersionMatch is forbidden for watch unless sendInitialEvents \
                              is provided";
                causes.push(Cause::forbidden(field, detail));
            }
            if !is_right {
                causes.push(Cause::not_supported(
                    field,
                    version_match,
                    &["NotOlderThan"],
                ));
            }
            causes.extend(self.continue_cause());
        }
        causes
    }

    fn continue_cause(&self) -> Option<Cause> {
        let detail = "resourceVersionMatch is forbidden when continue is provided";
        (!self.continue_token.is_empty()).then(|| Cause::forbidden("resourceVersionMatch", detail))
    }
}

impl VersionMatch {
    fn parse(text: &str) -> Option<Self> {
        match text {
            "Exact" => Some(Self::Exact),
            "NotOlderThan" => Some(Self::NotOlderThan),
            _ => None,
        }
    }
}
