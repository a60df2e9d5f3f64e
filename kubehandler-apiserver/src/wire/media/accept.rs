//! What the client takes: the header `Accept`, and whether the answer is written for people.

use std::collections::HashMap;

use super::{Codec, OURS, REAL, REAL_STREAMS};
use crate::{
    failure::Failure,
    kinds::{Resource, Version},
};

/// How an answer is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Accepted {
    /// How objects become bytes.
    pub(crate) codec: Codec,
    /// What of an object is written.
    pub(crate) form: Form,
    /// The header asks for text for people; [`wants_pretty`] says whether the rest does.
    pub(crate) is_pretty: bool,
}

/// What of an object is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// All of it.
    Whole,
    /// A `PartialObjectMetadata` in this version of `meta.k8s.io`.
    Metadata(&'static str),
    /// A `PartialObjectMetadataList` in this version of `meta.k8s.io`.
    MetadataList(&'static str),
    /// All groups with all that they have, as an `APIGroupDiscoveryList`.
    AggregatedDiscovery,
}

/// What is asked: it decides which forms there are, and the words if there is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Endpoint {
    /// An object of a built-in resource: anything but a list or a watch.
    Object,
    /// A list or a watch of a built-in resource.
    Collection,
    /// A custom resource, whatever is done with it.
    Custom,
    /// `/api`.
    Core,
    /// `/apis`.
    Groups,
    /// The versions of a group, or the resources of a custom one.
    Group,
    /// The resources of a built-in group and version.
    Resources,
}

/// One of the types that the client takes.
#[derive(Debug, Default)]
struct Clause<'a> {
    ty: &'a str,
    subtype: &'a str,
    quality: f64,
    parameters: HashMap<&'a str, &'a str>,
}

/// What is asked for in place of the object.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Converted<'a> {
    kind: &'a str,
    group: &'a str,
    version: &'a str,
}

/// Which server is asked what it has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Server {
    Ours,
    Real,
}

impl Accepted {
    /// Chooses how the answer is written. `accept` is the first header of this name, if there is one.
    pub(crate) fn negotiate(accept: Option<&str>, endpoint: Endpoint) -> Result<Self, Failure> {
        let header = accept.unwrap_or_default();
        if header.is_empty() {
            return Ok(Self {
                codec: Codec::Json,
                form: Form::Whole,
                is_pretty: false,
            });
        }
        let available = endpoint.representations();
        if endpoint.is_routed() && !names_one(header, available) {
            return Err(Failure::no_representation(available));
        }
        let clauses = parse(header);
        if endpoint.has_aggregated()
            && let Some(accepted) = choose(&clauses, Server::Ours, Offer::Aggregated)
        {
            return Ok(accepted);
        }
        choose(&clauses, Server::Ours, Offer::Of(endpoint)).ok_or_else(|| {
            let has_real = choose(&clauses, Server::Real, Offer::Of(endpoint)).is_some();
            if has_real {
                Failure::not_acceptable(&OURS).not_embedded("writing what `Accept` asks for")
            } else {
                Failure::not_acceptable(&REAL)
            }
        })
    }

    /// Returns the answer's `Content-Type`.
    pub(crate) fn content_type(&self) -> String {
        let media_type = self.codec.media_type();
        match self.form {
            Form::AggregatedDiscovery => {
                format!("{media_type};g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList")
            }
            _ => media_type.to_owned(),
        }
    }

    /// Fails if the form is that of a list and the answer is none, or the other way around.
    ///
    /// The real server looks at this last: whatever the request was to do is done.
    pub(crate) fn check_form(
        &self,
        is_list: bool,
        resource: &Resource,
        version: &Version,
    ) -> Result<(), Failure> {
        let message = match (self.form, is_list) {
            (Form::Metadata(_), true) => {
                let ty = internal_type(true, resource, version);
                format!(
                    "you requested PartialObjectMetadata, but the requested object is a list (*{ty})"
                )
            }
            (Form::MetadataList(_), false) if resource.rules.is_custom => {
                return Err(Failure::unexpected("content is not a list"));
            }
            (Form::MetadataList(_), false) => {
                let ty = internal_type(false, resource, version);
                format!(
                    "you requested PartialObjectMetadataList, but the requested object is not a \
                     list (*{ty})"
                )
            }
            _ => return Ok(()),
        };
        Err(Failure::new(406, "NotAcceptable", message))
    }
}

/// Returns what the real server calls the type of a resource's objects.
fn internal_type(is_list: bool, resource: &Resource, version: &Version) -> String {
    let list = if is_list { "List" } else { "" };
    if resource.rules.is_custom {
        return format!("unstructured.Unstructured{list}");
    }
    let package = match resource.group.as_ref() {
        "" | "events.k8s.io" => "core",
        "internal.apiserver.k8s.io" => "apiserverinternal",
        group => group.split('.').next().unwrap_or_default(),
    };
    format!("{package}.{}{list}", version.kind)
}

impl Endpoint {
    /// Returns whether a router looks at the types before the endpoint does. It knows no wildcards
    /// but `*/*`, and looks at no parameters.
    fn is_routed(self) -> bool {
        matches!(
            self,
            Self::Object | Self::Collection | Self::Core | Self::Resources
        )
    }

    fn representations(self) -> &'static [&'static str] {
        if self == Self::Collection {
            &REAL_STREAMS
        } else {
            &REAL
        }
    }

    fn has_aggregated(self) -> bool {
        matches!(self, Self::Core | Self::Groups)
    }

    fn has_objects(self) -> bool {
        matches!(self, Self::Object | Self::Collection | Self::Custom)
    }
}

/// Returns whether the header names one of the types.
fn names_one(header: &str, types: &[&str]) -> bool {
    header.split(',').any(|part| {
        let media_type = part.split(';').next().unwrap_or_default().trim_matches(' ');
        media_type == "*/*" || types.contains(&media_type)
    })
}

/// Which forms there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Offer {
    Of(Endpoint),
    /// Aggregated discovery, and nothing else.
    Aggregated,
}

impl Offer {
    /// Returns the form for this type and target, if the server has it.
    fn form(self, subtype: &str, target: Option<Converted<'_>>, server: Server) -> Option<Form> {
        let Self::Of(endpoint) = self else {
            let all = Converted {
                kind: "APIGroupDiscoveryList",
                group: "apidiscovery.k8s.io",
                version: "v2",
            };
            return (target == Some(all)).then_some(Form::AggregatedDiscovery);
        };
        let Some(target) = target else {
            let is_missing = endpoint == Endpoint::Custom && subtype == "vnd.kubernetes.protobuf";
            return (!is_missing).then_some(Form::Whole);
        };
        let version = match (target.group, target.version) {
            ("meta.k8s.io", "v1") => "v1",
            ("meta.k8s.io", "v1beta1") => "v1beta1",
            _ => return None,
        };
        match target.kind {
            _ if !endpoint.has_objects() => None,
            "PartialObjectMetadata" => Some(Form::Metadata(version)),
            "PartialObjectMetadataList" => Some(Form::MetadataList(version)),
            "Table" if server == Server::Real && matches!(subtype, "json" | "yaml") => {
                Some(Form::Whole)
            }
            _ => None,
        }
    }

    /// Returns whether the version of the server that the client wants is there.
    fn has_server_version(self, version: &str) -> bool {
        matches!(self, Self::Of(endpoint) if endpoint.has_objects() && version == "v1")
    }
}

/// Returns the first of the client's types that the server has.
fn choose(clauses: &[Clause<'_>], server: Server, rules: Offer) -> Option<Accepted> {
    let types: &[&str] = if server == Server::Real { &REAL } else { &OURS };
    clauses.iter().find_map(|clause| {
        types
            .iter()
            .filter_map(|ty| ty.split_once('/'))
            .find_map(|(ty, subtype)| {
                let is_named = match (clause.ty, clause.subtype) {
                    ("*", "*") => true,
                    (wanted, "*") => wanted == ty,
                    wanted => wanted == (ty, subtype),
                };
                if is_named {
                    clause.accept(subtype, server, rules)
                } else {
                    None
                }
            })
    })
}

impl Clause<'_> {
    /// Returns what the clause asks for, if the server has it in this type.
    fn accept(&self, subtype: &str, server: Server, rules: Offer) -> Option<Accepted> {
        let parameter = |name| self.parameters.get(name).copied();
        if !matches!(parameter("stream"), None | Some("" | "watch")) {
            return None;
        }
        if parameter("sv")
            .is_some_and(|version| !version.is_empty() && !rules.has_server_version(version))
        {
            return None;
        }
        let names = ["as", "g", "v"].map(parameter);
        let [kind, group, version] = names.map(Option::unwrap_or_default);
        let target = names.iter().any(Option::is_some).then_some(Converted {
            kind,
            group,
            version,
        });
        let form = rules.form(subtype, target, server)?;
        Some(Accepted {
            codec: Codec::Json,
            form,
            is_pretty: parameter("pretty") == Some("1"),
        })
    }
}

/// Splits the header into clauses, the one that the client likes most first.
fn parse(header: &str) -> Vec<Clause<'_>> {
    let mut clauses: Vec<_> = header.split(',').filter_map(Clause::parse).collect();
    if clauses.len() <= 12 {
        sort_few(&mut clauses);
    } else {
        clauses.sort_by(|one, other| {
            let rank = |clause: &Clause<'_>| (clause.ty == "*", clause.subtype == "*");
            other
                .quality
                .total_cmp(&one.quality)
                .then_with(|| rank(one).cmp(&rank(other)))
        });
    }
    clauses
}

/// Sorts as the real server does: its order is none in the mathematical sense, so that the result
/// depends on how it is made.
fn sort_few(clauses: &mut [Clause<'_>]) {
    for end in 1..clauses.len() {
        let mut i = end;
        while i > 0 && clauses[i].is_before(&clauses[i - 1]) {
            clauses.swap(i, i - 1);
            i -= 1;
        }
    }
}

impl<'a> Clause<'a> {
    fn is_before(&self, other: &Self) -> bool {
        self.quality > other.quality
            || self.ty != "*" && other.ty == "*"
            || self.subtype != "*" && other.subtype == "*"
    }

    fn parse(text: &'a str) -> Option<Self> {
        let space = ' ';
        let mut parts = text.trim_matches(space).split(';');
        let media_type = parts.next()?;
        let (ty, subtype) = media_type.split_once('/').unwrap_or((media_type, ""));
        let ty = ty.trim_matches(space);
        let subtype = match (ty, subtype) {
            ("*", "") => "*",
            (_, "") => return None,
            // An empty third segment counts as absent.
            (_, subtype) => match subtype.split_once('/') {
                None | Some((_, "")) => subtype.split('/').next().unwrap_or_default(),
                Some(_) => return None,
            },
        };
        let mut clause = Self {
            ty,
            subtype: subtype.trim_matches(space),
            quality: 1.0,
            ..Self::default()
        };
        for (name, value) in parts.filter_map(|part| part.split_once('=')) {
            let value = value.strip_suffix('=').unwrap_or(value);
            if value.is_empty() || value.contains('=') {
                continue;
            }
            match name.trim_matches(space) {
                "q" => clause.quality = value.parse::<f32>().map_or(0.0, f64::from),
                name => {
                    clause.parameters.insert(name, value.trim_matches(space));
                }
            }
        }
        Some(clause)
    }
}
