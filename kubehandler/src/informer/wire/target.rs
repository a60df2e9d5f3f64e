//! What an informer watches: the requests for it, and its name in messages.

use std::{any::TypeId, fmt, time::Duration};

use http::{HeaderValue, Request, header};
use kube::{
    api::{ListParams, VersionMatch, WatchParams},
    client::Body,
    core::ClusterResourceScope,
};

use crate::{
    Printable,
    informer::wire::{failure::Failure, filter::Filter, item::TypeMeta},
    object_key::is_dns_label,
    resource::Resource,
};

/// A kind of object, and which of them; equal targets share one watch.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Target {
    group: String,
    plural: String,
    api_version: String,
    /// What the server says the objects are.
    types: TypeMeta,
    path: String,
    metadata_only: bool,
    is_cluster_scoped: bool,
    filter: Filter,
}

/// Which state of the objects a list must show.
#[derive(Clone, PartialEq, Eq)]
pub(crate) enum Read {
    /// The state when the request comes.
    Consistent,
    /// This version, or any later.
    NotOlderThan(String),
}

impl fmt::Debug for Read {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Consistent => f.write_str("Consistent"),
            Self::NotOlderThan(version) => {
                write!(f, "NotOlderThan({:?})", Printable::new(version))
            }
        }
    }
}

impl Target {
    /// Describes the objects of the kind `K` that match `filter`.
    pub(crate) fn new<K: Resource>(kind: &K::DynamicType, filter: Filter) -> Self {
        let api_version = K::api_version(kind).into_owned();
        let metadata_only = K::metadata_api();
        let (types_version, types_kind) = if metadata_only {
            (
                "meta.k8s.io/v1".to_owned(),
                "PartialObjectMetadata".to_owned(),
            )
        } else {
            (api_version.clone(), K::kind(kind).into_owned())
        };
        Self {
            group: K::group(kind).into_owned(),
            plural: K::plural(kind).into_owned(),
            api_version,
            types: TypeMeta {
                api_version: types_version,
                kind: types_kind,
            },
            path: K::url_path(kind, filter.namespace.as_deref()),
            metadata_only,
            is_cluster_scoped: TypeId::of::<K::Scope>() == TypeId::of::<ClusterResourceScope>(),
            filter,
        }
    }

    /// Returns why no server can answer for this target, if so.
    pub(crate) fn invalid(&self) -> Option<String> {
        if !is_dns_label(&self.plural) || self.api_version.is_empty() {
            return Some(format!(
                "`{}` in `{}` is no kind: an `ApiResource` has an `api_version`, such as `apps/v1`, \
                 and a `plural`, such as `deployments`",
                Printable::new(&self.plural),
                Printable::new(&self.api_version),
            ));
        }
        if let Some(namespace) = &self.filter.namespace {
            if self.is_cluster_scoped {
                return Some(format!(
                    "`{}` are cluster-scoped: remove the namespace `{}` from the filter",
                    Printable::new(&self.plural),
                    Printable::new(namespace),
                ));
            }
            if !is_dns_label(namespace) {
                return Some(format!(
                    "`{}` is no namespace: write at most 63 of a-z, 0-9 and `-`, or none for all namespaces",
                    Printable::new(namespace),
                ));
            }
        }
        let request = self.list(&Read::Consistent, None, None);
        request.err().map(|error| error.to_string())
    }

    /// Returns the type of the objects.
    pub(crate) fn types(&self) -> &TypeMeta {
        &self.types
    }

    /// Returns the request for one page of a list.
    pub(crate) fn list(
        &self,
        read: &Read,
        continue_token: Option<&str>,
        limit: Option<u32>,
    ) -> Result<Request<Body>, Failure> {
        let mut params = ListParams {
            label_selector: self.filter.labels.clone(),
            field_selector: self.filter.fields.clone(),
            limit,
            continue_token: continue_token.map(str::to_owned),
            ..ListParams::default()
        };
        // Beside a continue token the API allows no version.
        if continue_token.is_none()
            && let Read::NotOlderThan(version) = read
        {
            params.version_match = Some(VersionMatch::NotOlderThan);
            params.resource_version = Some(version.clone());
        }
        let request = kube::core::Request::new(&self.path).list(&params);
        self.finish(request, "PartialObjectMetadataList")
    }

    /// Returns the request for a streaming list: the objects as events, a bookmark, then a watch.
    pub(crate) fn streaming_list(
        &self,
        read: &Read,
        timeout: Duration,
    ) -> Result<Request<Body>, Failure> {
        let version = match read {
            Read::Consistent => "",
            Read::NotOlderThan(version) => version,
        };
        self.watch_with(version, timeout, true)
    }

    /// Returns the request for the changes after `version`.
    pub(crate) fn watch(&self, version: &str, timeout: Duration) -> Result<Request<Body>, Failure> {
        self.watch_with(version, timeout, false)
    }

    fn watch_with(
        &self,
        version: &str,
        timeout: Duration,
        send_initial_events: bool,
    ) -> Result<Request<Body>, Failure> {
        let params = WatchParams {
            label_selector: self.filter.labels.clone(),
            field_selector: self.filter.fields.clone(),
            timeout: Some(u32::try_from(timeout.as_secs()).unwrap_or(u32::MAX)),
            bookmarks: true,
            send_initial_events,
        };
        let request = kube::core::Request::new(&self.path).watch(&params, version);
        let mut request = self.finish(request, "PartialObjectMetadata")?;
        // From 1.37 servers gzip a watch one member an event, and the client reads only the first.
        request.headers_mut().insert(
            header::ACCEPT_ENCODING,
            HeaderValue::from_static("identity"),
        );
        Ok(request)
    }

    fn finish(
        &self,
        request: Result<Request<Vec<u8>>, kube::core::request::Error>,
        metadata_kind: &str,
    ) -> Result<Request<Body>, Failure> {
        let mut request = request.map_err(|error| Failure::transport(&error))?;
        let accept = if self.metadata_only {
            // A server that cannot do it sends whole objects, which can be read as well.
            format!("application/json;as={metadata_kind};g=meta.k8s.io;v=v1,application/json")
        } else {
            "application/json".to_owned()
        };
        let accept = HeaderValue::try_from(accept).map_err(|error| Failure::transport(&error))?;
        request.headers_mut().insert(header::ACCEPT, accept);
        Ok(request.map(Body::from))
    }

    /// Says what failed, why, and what to do about it.
    pub(crate) fn report(&self, verb: &str, failure: &Failure) -> String {
        let mut report = format!("cannot {verb} {self}: {failure}");
        if let Some(advice) = self.advice(failure) {
            report.push_str("; ");
            report.push_str(&advice);
        }
        report
    }

    fn advice(&self, failure: &Failure) -> Option<String> {
        let text = match failure {
            Failure::Status(status) => match status.code {
                400 => return self.correct_selector(&status.message),
                401 => "check that the credentials are there, right and not expired".to_owned(),
                403 => self.grant(),
                404 => self.absent(),
                405 => "the server does not offer that for this kind".to_owned(),
                429 => "the server is overloaded, or limits this client".to_owned(),
                _ => return None,
            },
            Failure::Transport(text) if text.contains("invalid peer certificate") => {
                "check the certificate authority and the server name of the kubeconfig".to_owned()
            }
            Failure::Transport(text) if text.contains("refused") => {
                "check that the API server runs, and its address in the kubeconfig".to_owned()
            }
            Failure::Transport(text) if text.contains("auth error") => {
                "check the user of the kubeconfig".to_owned()
            }
            _ => return None,
        };
        Some(text)
    }

    /// Says what to do about a selector that the server refused.
    fn correct_selector(&self, message: &str) -> Option<String> {
        let message = message.to_ascii_lowercase();
        let about = |words: [&str; 2]| words.iter().any(|word| message.contains(word));
        match (&self.filter.fields, &self.filter.labels) {
            (Some(fields), _) if about(["field label", "field selector"]) => Some(format!(
                "correct the field selector `{fields}`: the server selects `{}` by `metadata.name`, \
                 `metadata.namespace` and the fields that their kind declares; select by others with `when`",
                self.plural
            )),
            (_, Some(labels)) if about(["unable to parse", "label selector"]) => Some(format!(
                "correct the label selector `{labels}`, such as `app=web,tier in (a, b),!test`"
            )),
            (Some(fields), Some(labels)) => Some(format!(
                "correct the selectors `{fields}` and `{labels}` if it is about them"
            )),
            (Some(fields), None) => Some(format!(
                "correct the field selector `{fields}` if it is about that"
            )),
            (None, Some(labels)) => Some(format!(
                "correct the label selector `{labels}` if it is about that"
            )),
            (None, None) => None,
        }
    }

    fn grant(&self) -> String {
        let group = if self.group.is_empty() {
            String::new()
        } else {
            format!(" of the API group `{}`", Printable::new(&self.group))
        };
        let role = match &self.filter.namespace {
            Some(namespace) => {
                format!("a Role in the namespace `{}`", Printable::new(namespace))
            }
            None => "a ClusterRole".to_owned(),
        };
        format!(
            "grant `list` and `watch` on `{}`{group} to this user with {role}",
            Printable::new(&self.plural)
        )
    }

    fn absent(&self) -> String {
        let Self {
            group,
            plural,
            api_version,
            ..
        } = self;
        let is_custom = group.contains('.') && !group.ends_with(".k8s.io");
        let (group, plural) = (Printable::new(group), Printable::new(plural));
        let api_version = Printable::new(api_version);
        if is_custom {
            let api_version = api_version.to_string();
            let version = api_version.rsplit('/').next().unwrap_or_default();
            format!(
                "the server has no `{plural}.{group}/{version}`: install its CustomResourceDefinition"
            )
        } else {
            format!("the server has no `{plural}` in `{api_version}`")
        }
    }
}

/// What is watched, as in ``pods in namespace `web` with labels `a=b` ``.
impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", Printable::new(&self.plural))?;
        if !self.group.is_empty() {
            write!(f, ".{}", Printable::new(&self.group))?;
        }
        if let Some(namespace) = &self.filter.namespace {
            write!(f, " in namespace `{}`", Printable::new(namespace))?;
        }
        if let Some(labels) = &self.filter.labels {
            write!(f, " with labels `{}`", Printable::new(labels))?;
        }
        if let Some(fields) = &self.filter.fields {
            write!(f, " with fields `{}`", Printable::new(fields))?;
        }
        if self.metadata_only {
            f.write_str(" (metadata only)")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
