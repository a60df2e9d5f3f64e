//! What requests on objects do.

mod read;
mod watch;
mod write;

use std::sync::Arc;

use http::{Method, StatusCode, header};

use crate::{
    failure::Failure,
    faults::Verb,
    kinds::{NameRule, Resource, Subresource, Version},
    media::{Accepted, Endpoint},
    options::ListOptions,
    reply::{self, Reply},
    request::Request,
    route::{Route, Target},
    rules::name_errors,
    server::Shared,
    shape::Shape,
    storage::{Stored, key},
};

/// The subresources that are implemented; any other is answered as by a server that has none.
const SUBRESOURCES: [&str; 3] = ["status", "scale", "finalize"];

/// A request on objects that exist, or could.
pub(crate) struct Call<'a> {
    request: &'a Request,
    target: &'a Target,
    resource: Arc<Resource>,
    version: Version,
    /// What a subresource reads and writes; absent for the object itself.
    subresource: Option<Subresource>,
    accepted: Accepted,
}

impl<'a> Call<'a> {
    /// Reads a request; `None` if there is nothing at its path.
    pub(crate) fn of(request: &'a Request, shared: &Shared) -> Option<Result<Self, Failure>> {
        let Route::Objects(target) = &request.route else {
            return None;
        };
        let resource = {
            let state = shared.state();
            state
                .catalog
                .get(&target.group, &target.version, &target.resource)?
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
            // Custom resources are looked at by name before their parts.
            Err(NoSuchPart) if resource.rules.is_custom => {
                return Some(Err(not_found(&resource, target)));
            }
            Err(NoSuchPart) => return None,
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
        ))
    }

    fn checked(
        request: &'a Request,
        target: &'a Target,
        resource: Arc<Resource>,
        version: Version,
        subresource: Option<Subresource>,
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
        })
    }

    /// Does what is asked.
    pub(crate) async fn answer(self, shared: &Arc<Shared>) -> Result<Reply, Failure> {
        match self.request.asked.verb {
            Verb::Get => self.get(shared).await,
            Verb::List => {
                let options = ListOptions::parse(&self.request.query)?;
                self.list(shared, &options).await
            }
            Verb::Watch => {
                let options = ListOptions::parse(&self.request.query)?;
                self.watch(shared, &options).await
            }
            Verb::Create => self.create(shared),
            Verb::Update => self.update(shared),
            Verb::Patch => self.patch(shared),
            Verb::Delete => self.delete(shared),
            Verb::DeleteCollection => self.delete_collection(shared),
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
struct NoSuchPart;

fn find_subresource(target: &Target, version: &Version) -> Result<Option<Subresource>, NoSuchPart> {
    let Some(name) = &target.subresource else {
        return Ok(None);
    };
    let is_here = SUBRESOURCES.contains(&name.as_str());
    let mut known = version.subresources.iter();
    let found = known.find(|known| is_here && known.name == *name);
    found.cloned().map(Some).ok_or(NoSuchPart)
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
    // There is nobody here who could answer.
    if subresource.is_none() && !is_known("get") {
        return Err(Failure::no_such_resource());
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
    Failure::not_found(&resource.group, &resource.plural, name)
}

fn not_allowed(resource: &Resource, verb: Verb) -> Failure {
    if !resource.rules.is_custom {
        return Failure::method_not_allowed();
    }
    let action = match verb {
        Verb::Other => "",
        verb => verb.as_str(),
    };
    Failure::method_not_supported(&resource.group, &resource.plural, action)
}
