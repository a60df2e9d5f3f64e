//! What requests on objects do.

mod act;
mod allocate;
mod ask;
mod checks;
mod commit;
mod read;
mod selection;
mod shape;
mod stream;
mod tamper;
mod watch;
mod write;

use std::sync::Arc;

use http::{Method, StatusCode, header};

use crate::{
    engine::Engine,
    failure::Failure,
    faults::Fault,
    group::GroupVersion,
    kinds::{NameRule, Resource, Subresource, Version, name_errors},
    rules::FieldChecks,
    state::storage::{Stored, key},
    verbs::shape::Shape,
    wire::{
        asked::Verb,
        media::{Accepted, Endpoint},
        options::ListOptions,
        reply::{self, Reply},
        request::Request,
        route::{Route, Target},
    },
};

/// The subresources that are implemented; any other is answered as by a server that has none.
const SUBRESOURCES: [&str; 5] = ["status", "scale", "finalize", "binding", "eviction"];

/// A request on objects that exist, or could.
pub(crate) struct Call<'a> {
    request: &'a Request,
    target: &'a Target,
    resource: Arc<Resource>,
    version: Version,
    /// What a subresource reads and writes; absent for the object itself.
    subresource: Option<Subresource>,
    accepted: Accepted,
    /// Who manages the fields that the request sets.
    manager: String,
    /// What a watch is to meet.
    fault: Option<Fault>,
    checks: FieldChecks,
}

impl<'a> Call<'a> {
    /// Reads a request; `None` if there is nothing at its path.
    pub(crate) fn read(
        request: &'a Request,
        fault: Option<Fault>,
        engine: &Engine,
    ) -> Option<Result<Self, Failure>> {
        let Route::Objects(target) = &request.route else {
            return None;
        };
        let resource = {
            let state = engine.cluster();
            state.catalog.get(
                GroupVersion::new(&target.group, &target.version),
                &target.resource,
            )?
        };
        let version = resource.version(&target.version)?.clone();
        let verb = request.asked.verb;
        let across_namespaces = if resource.rules.is_custom {
            matches!(verb, Verb::List | Verb::Watch)
        } else {
            target.name.is_none()
        };
        let fits = match (resource.is_namespaced, target.namespace.is_some()) {
            (true, true) => true,
            (true, false) => across_namespaces,
            (false, is_in_namespace) => !is_in_namespace,
        };
        // Reviews and bindings are asked, not kept: there is none by any name.
        let is_kept = version.verbs.iter().any(|verb| verb == "get");
        if !fits || (target.name.is_some() && !is_kept) {
            return None;
        }
        let subresource = match find_subresource(target, &version) {
            Ok(subresource) => subresource,
            Err(NoSuchPart::Here(part)) => {
                let what = format!("`{part}` of {}", resource.plural);
                return Some(Err(Failure::no_such_resource().not_embedded(&what)));
            }
            // Custom resources are looked at by name before their parts.
            Err(NoSuchPart::Anywhere) if resource.rules.is_custom => {
                return Some(Err(not_found(&resource, target)));
            }
            Err(NoSuchPart::Anywhere) => return None,
        };
        if let Err(failure) = check_verb(request, target, &resource, &version, subresource.as_ref())
        {
            return Some(Err(failure));
        }
        Some(Self::checked(
            request,
            target,
            resource,
            version,
            subresource,
            fault,
        ))
    }

    fn checked(
        request: &'a Request,
        target: &'a Target,
        resource: Arc<Resource>,
        version: Version,
        subresource: Option<Subresource>,
        fault: Option<Fault>,
    ) -> Result<Self, Failure> {
        let is_collection = matches!(request.asked.verb, Verb::List | Verb::Watch);
        let endpoint = match (resource.rules.is_custom, is_collection) {
            (true, _) => Endpoint::Custom,
            (false, true) => Endpoint::Collection,
            (false, false) => Endpoint::Object,
        };
        let accept = request
            .headers
            .get(header::ACCEPT)
            .and_then(|accept| accept.to_str().ok());
        let accepted = Accepted::negotiate(accept, endpoint)?;
        Ok(Self {
            request,
            target,
            resource,
            version,
            subresource,
            accepted,
            manager: write::manager(request),
            fault,
            checks: checks::of(request),
        })
    }

    /// Does what is asked, and adds what the client is to be told of its fields.
    pub(crate) async fn answer(self, engine: &Arc<Engine>) -> Result<Reply, Failure> {
        let answered = self.act(engine).await;
        let warnings = self.checks.take_warnings();
        if warnings.is_empty() {
            return answered;
        }
        let reply = answered.unwrap_or_else(|failure| reply::failure(&failure));
        Ok(reply::warned(reply, &warnings))
    }

    async fn act(&self, engine: &Arc<Engine>) -> Result<Reply, Failure> {
        match self.request.asked.verb {
            Verb::Get => self.get(engine).await,
            Verb::List => {
                let options = ListOptions::parse(&self.request.query)?;
                self.list(engine, &options).await
            }
            Verb::Watch => {
                let options = ListOptions::parse(&self.request.query)?;
                self.watch(engine, &options).await
            }
            Verb::Create => match &self.subresource {
                Some(part) => self.act_on_pod(engine, &part.name),
                None if ask::is_review(&self.resource) => self.review(engine),
                None => self.create(engine).await,
            },
            Verb::Update => self.update(engine).await,
            Verb::Patch => self.patch(engine).await,
            Verb::Delete => self.delete(engine).await,
            Verb::DeleteCollection => self.delete_collection(engine).await,
            Verb::Other => Err(self.not_allowed()),
        }
    }

    fn shape(&self) -> Shape {
        Shape::new(&self.resource, &self.version, self.accepted.form)
    }

    /// Answers with a stored object.
    fn reply(&self, code: StatusCode, stored: &Stored) -> Result<Reply, Failure> {
        if self.is_scale() {
            return Ok(reply::value(code, &self.scale_of(&self.whole(stored))?));
        }
        self.accepted
            .check_form(false, &self.resource, &self.version)?;
        Ok(reply::json(code, self.shape().object(stored)))
    }

    fn not_allowed(&self) -> Failure {
        not_allowed(&self.resource, self.request.asked.verb)
    }

    fn client(&self) -> &str {
        &self.request.asked.client
    }

    fn namespace(&self) -> &str {
        self.target.namespace.as_deref().unwrap_or_default()
    }

    fn name(&self) -> &str {
        self.target.name.as_deref().unwrap_or_default()
    }

    fn key(&self) -> String {
        key(self.namespace(), self.name())
    }

    fn not_found(&self) -> Failure {
        not_found(&self.resource, self.target)
    }
}

/// A path names a part of an object that there is none of.
enum NoSuchPart {
    /// No server has it.
    Anywhere,
    /// Real servers have it.
    Here(String),
}

fn find_subresource(target: &Target, version: &Version) -> Result<Option<Subresource>, NoSuchPart> {
    let Some(name) = &target.subresource else {
        return Ok(None);
    };
    // What follows `proxy` is the path within the object's own server.
    let first = name.split('/').next().unwrap_or_default();
    let named = |name: &str| version.subresources.iter().find(|known| known.name == name);
    if !SUBRESOURCES.contains(&first) && named(first).is_some() {
        return Err(NoSuchPart::Here(first.to_owned()));
    }
    let found = named(name).cloned();
    found.map(Some).ok_or(NoSuchPart::Anywhere)
}

/// Succeeds if the verb can be used at this path.
fn check_verb(
    request: &Request,
    target: &Target,
    resource: &Resource,
    version: &Version,
    subresource: Option<&Subresource>,
) -> Result<(), Failure> {
    let verb = request.asked.verb;
    let verbs = subresource.map_or(&version.verbs, |subresource| &subresource.verbs);
    let is_known = |verb: &str| verbs.iter().any(|known| known == verb);
    let is_named = target.name.is_some();
    let fits = if resource.rules.is_custom {
        if matches!(verb, Verb::Update | Verb::Patch) && !is_named {
            return Err(Failure::bad_request("name must be provided"));
        }
        true
    } else {
        let everywhere = resource.is_namespaced && target.namespace.is_none();
        match verb {
            Verb::Update | Verb::Patch => is_named,
            Verb::Create => !is_named && !everywhere,
            Verb::DeleteCollection => !everywhere,
            _ => request.method != Method::HEAD,
        }
    };
    if !fits || !is_known(verb.as_str()) {
        return Err(not_allowed(resource, verb));
    }
    // Nothing here could answer.
    if subresource.is_none() && !is_known("get") && !ask::is_review(resource) {
        let failure = Failure::no_such_resource();
        return Err(failure.not_embedded(&format!("answering {}", resource.plural)));
    }
    check_name(verb, target)
}

fn check_name(verb: Verb, target: &Target) -> Result<(), Failure> {
    let name = target.name.as_deref().unwrap_or_default();
    if target.name.is_some() && name.is_empty() {
        return Err(Failure::bad_request("name must be provided"));
    }
    if !matches!(verb, Verb::Get | Verb::Patch | Verb::Delete) {
        return Ok(()); // Others compare it with the name in the body.
    }
    let errors = name_errors(NameRule::PathSegment, name, false);
    if errors.is_empty() {
        return Ok(());
    }
    let errors = errors.join(";");
    Err(Failure::bad_request(format!(
        "Name parameter invalid: {name:?}: {errors}"
    )))
}

fn not_found(resource: &Resource, target: &Target) -> Failure {
    let name = target.name.as_deref().unwrap_or_default();
    Failure::not_found(resource.group_resource(), name)
}

fn not_allowed(resource: &Resource, verb: Verb) -> Failure {
    if !resource.rules.is_custom {
        return Failure::method_not_allowed();
    }
    let action = match verb {
        Verb::Other => "",
        verb => verb.as_str(),
    };
    Failure::method_not_supported(resource.group_resource(), action)
}
