//! The failures there are, each with the code, reason and message of the real server.
//!
//! `of` is a resource by its name in the URL, or, where that is said, by the kind of its objects.

use super::{Cause, Details, Failure, aggregate, quoted};
use crate::group::GroupResource;

/// The body of a 404 for a path that leads nowhere; its type is `text/plain; charset=utf-8`.
///
/// A path below a group and version that the server itself serves gets
/// [`Failure::no_such_resource`] instead.
pub(crate) const PAGE_NOT_FOUND: &str = "404 page not found\n";

fn details(of: GroupResource<'_>, name: &str) -> Details {
    Details {
        name: name.to_owned(),
        group: of.group.to_owned(),
        kind: of.resource.to_owned(),
        ..Details::default()
    }
}

impl Failure {
    /// A failure without details.
    pub(crate) fn new(code: u16, reason: &'static str, message: impl Into<String>) -> Self {
        Self {
            code,
            reason,
            message: message.into(),
            details: None,
            continue_token: None,
        }
    }

    fn with(mut self, details: Details) -> Self {
        self.details = Some(Box::new(details));
        self
    }

    /// 404: there is no such object.
    pub(crate) fn not_found(of: GroupResource<'_>, name: &str) -> Self {
        let message = format!("{} {} not found", of, quoted(name));
        Self::new(404, "NotFound", message).with(details(of, name))
    }

    /// 404: the path names a resource or subresource that its version does not have.
    pub(crate) fn no_such_resource() -> Self {
        Self::new(
            404,
            "NotFound",
            "the server could not find the requested resource",
        )
        .with(Details::default())
    }

    /// 409: there is such an object already.
    pub(crate) fn already_exists(of: GroupResource<'_>, name: &str) -> Self {
        let message = format!("{} {} already exists", of, quoted(name));
        Self::new(409, "AlreadyExists", message).with(details(of, name))
    }

    /// 409: eight names were made from `generateName`, and all were taken; `name` is the last.
    pub(crate) fn generate_name_exhausted(of: GroupResource<'_>, name: &str) -> Self {
        let message = format!(
            "{} {} already exists, the server was not able to generate a unique name for the object",
            of,
            quoted(name)
        );
        let details = Details {
            retry_after_seconds: 1,
            ..details(of, name)
        };
        Self::new(409, "AlreadyExists", message).with(details)
    }

    /// 409: the object is not as the request expects it.
    ///
    /// `of` names the kind where a precondition of a delete fails.
    pub(crate) fn conflict(of: GroupResource<'_>, name: &str, why: &str) -> Self {
        let message = format!(
            "Operation cannot be fulfilled on {} {}: {why}",
            of,
            quoted(name)
        );
        Self::new(409, "Conflict", message).with(details(of, name))
    }

    /// 409: the request has a resourceVersion that is not the object's.
    pub(crate) fn modified(of: GroupResource<'_>, name: &str) -> Self {
        let why = "the object has been modified; please apply your changes to the latest version \
                   and try again";
        Self::conflict(of, name, why)
    }

    /// 409: a delete asks for another uid than the object has.
    pub(crate) fn uid_differs(
        of: GroupResource<'_>,
        name: &str,
        asked: &str,
        actual: &str,
    ) -> Self {
        let why = format!(
            "the UID in the precondition ({asked}) does not match the UID in record ({actual}). \
             The object might have been deleted and then recreated"
        );
        Self::conflict(of, name, &why)
    }

    /// 409: a delete asks for another resourceVersion than the object has.
    pub(crate) fn version_differs(
        of: GroupResource<'_>,
        name: &str,
        asked: &str,
        actual: &str,
    ) -> Self {
        let why = format!(
            "the ResourceVersion in the precondition ({asked}) does not match the ResourceVersion \
             in record ({actual}). The object might have been modified"
        );
        Self::conflict(of, name, &why)
    }

    /// 422: the object, or the options of the request, break rules; `of` names the kind.
    pub(crate) fn invalid(of: GroupResource<'_>, name: &str, causes: Vec<Cause>) -> Self {
        let mut message = format!("{} {} is invalid", of, quoted(name));
        if !causes.is_empty() {
            message.push_str(": ");
            message.push_str(&aggregate(&causes));
        }
        Self::new(422, "Invalid", message).with(Details {
            causes,
            ..details(of, name)
        })
    }

    /// 400: the request cannot be understood.
    pub(crate) fn bad_request(why: impl Into<String>) -> Self {
        Self::new(400, "BadRequest", why)
    }

    /// 401: the server does not know who asks.
    pub(crate) fn unauthorized() -> Self {
        Self::new(401, "Unauthorized", "Unauthorized")
    }

    /// 403: who asks may not do this. An empty name leaves the object out.
    pub(crate) fn forbidden(of: GroupResource<'_>, name: &str, why: &str) -> Self {
        let resource = of.to_string();
        let message = match (resource.as_str(), name) {
            ("", _) => format!("forbidden: {why}"),
            (_, "") => format!("{resource} is forbidden: {why}"),
            _ => format!("{resource} {} is forbidden: {why}", quoted(name)),
        };
        Self::new(403, "Forbidden", message).with(details(of, name))
    }

    /// 405: the resource of the path does not know this method.
    pub(crate) fn method_not_allowed() -> Self {
        let message = "the server does not allow this method on the requested resource";
        Self::new(405, "MethodNotAllowed", message).with(Details::default())
    }

    /// 405: a custom resource, or a verb that the storage lacks; `action` is the verb.
    pub(crate) fn method_not_supported(of: GroupResource<'_>, action: &str) -> Self {
        let resource = quoted(&of.to_string());
        let message = format!("{action} is not supported on resources of kind {resource}");
        Self::new(405, "MethodNotAllowed", message).with(details(of, ""))
    }

    /// 406: none of the `accepted` types is one that the client takes.
    pub(crate) fn not_acceptable(accepted: &[&str]) -> Self {
        let accepted = accepted.join(", ");
        let message = format!("only the following media types are accepted: {accepted}");
        Self::new(406, "NotAcceptable", message)
    }

    /// 406, said before the request reaches its resource.
    pub(crate) fn no_representation(available: &[&str]) -> Self {
        let available = available.join(", ");
        let message = format!("406: Not Acceptable\n\nAvailable representations: {available}");
        Self::new(406, "NotAcceptable", message).with(Details::default())
    }

    /// 410: the resourceVersion of a list is no longer in the history.
    pub(crate) fn list_expired() -> Self {
        Self::expired("The resourceVersion for the provided list is too old.")
    }

    /// 410: the resourceVersion of a watch is no longer in the history.
    ///
    /// `oldest` is the oldest version a watch can start from; without it, the words are those for a
    /// watch that was overtaken while it ran.
    pub(crate) fn watch_expired(asked: u64, oldest: Option<u64>) -> Self {
        match oldest {
            Some(oldest) => Self::expired(format!("too old resource version: {asked} ({oldest})")),
            None => Self::expired("The resourceVersion for the provided watch is too old."),
        }
    }

    /// 410: the snapshot of a continued list is gone; `token` goes on without it.
    pub(crate) fn continue_expired(token: String) -> Self {
        let message = "The provided continue parameter is too old to display a consistent list \
                       result. You can start a new list without the continue parameter, or use \
                       the continue token in this response to retrieve the remainder of the \
                       results. Continuing with the provided token results in an inconsistent \
                       list - objects that were created, modified, or deleted between the time \
                       the first chunk was returned and now may show up in the list.";
        Self {
            continue_token: Some(token),
            ..Self::expired(message)
        }
    }

    /// 410 with the reason `Expired`.
    pub(crate) fn expired(message: impl Into<String>) -> Self {
        Self::new(410, "Expired", message)
    }

    /// 413: the body has more than `limit` bytes.
    pub(crate) fn request_entity_too_large(limit: usize) -> Self {
        let message = format!("Request entity too large: limit is {limit}");
        Self::new(413, "RequestEntityTooLarge", message)
    }

    /// 415: the body has none of the `accepted` types.
    pub(crate) fn unsupported_media_type(accepted: &[&str]) -> Self {
        let message = format!(
            "the body of the request was in an unknown format - accepted media types include: {}",
            accepted.join(", ")
        );
        Self::new(415, "UnsupportedMediaType", message)
    }

    /// 415, said before the request reaches its resource.
    pub(crate) fn no_such_content() -> Self {
        Self::new(415, "UnsupportedMediaType", "415: Unsupported Media Type")
            .with(Details::default())
    }

    /// 421: the request names a host that the listener does not serve.
    pub(crate) fn misdirected(host: &str) -> Self {
        let message = format!(
            "the host {} is not served: use localhost or the address of the listener, or allow the host with --allow-host",
            quoted(host)
        );
        Self::new(421, "", message)
    }

    /// 429: there is too much to do.
    pub(crate) fn too_many_requests(message: impl Into<String>, retry_after: u32) -> Self {
        Self::new(429, "TooManyRequests", message).retry_in(retry_after)
    }

    /// 500: the server is at fault.
    pub(crate) fn internal(why: &str) -> Self {
        let cause = Cause {
            message: why.to_owned(),
            ..Cause::default()
        };
        Self::new(
            500,
            "InternalError",
            format!("Internal error occurred: {why}"),
        )
        .with(Details {
            causes: vec![cause],
            ..Details::default()
        })
    }

    /// 500 without a reason: an error that the real server does not expect, and passes on.
    pub(crate) fn unexpected(message: impl Into<String>) -> Self {
        Self::new(500, "", message)
    }

    /// 503: the server cannot answer now.
    pub(crate) fn service_unavailable(why: impl Into<String>) -> Self {
        Self::new(503, "ServiceUnavailable", why)
    }

    /// 504: the request took too long.
    pub(crate) fn timeout(why: &str, retry_after: u32) -> Self {
        Self::new(504, "Timeout", format!("Timeout: {why}")).retry_in(retry_after)
    }

    /// 504: the resourceVersion `asked` for did not come in time.
    pub(crate) fn too_large_resource_version(asked: u64, current: u64) -> Self {
        let why = "Too large resource version";
        let mut failure = Self::timeout(&format!("{why}: {asked}, current: {current}"), 1);
        if let Some(details) = &mut failure.details {
            details.causes = vec![Cause {
                reason: "ResourceVersionTooLarge".to_owned(),
                message: why.to_owned(),
                field: String::new(),
            }];
        }
        failure
    }

    fn retry_in(self, seconds: u32) -> Self {
        self.with(Details {
            retry_after_seconds: seconds,
            ..Details::default()
        })
    }
}
