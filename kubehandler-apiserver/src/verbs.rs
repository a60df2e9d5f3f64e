//! What requests on objects do.

mod read;
mod watch;
mod write;

use std::sync::Arc;

use http::{StatusCode, header};

use crate::{
    failure::Failure,
    faults::Verb,
    kinds::{Resource, Subresource, Version},
    media::{Accepted, Endpoint},
    options::ListOptions,
    reply::{self, Reply},
    request::Request,
    route::{Route, Target},
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
        // Reviews and bindings are asked, not kept; there is nobody here who could answer.
        let is_kept = resource
            .version(&target.version)?
            .verbs
            .iter()
            .any(|verb| verb == "get");
        let is_named = target.name.is_some();
        let fits = match (resource.is_namespaced, target.namespace.is_some()) {
            (true, true) => true,
            (true, false) => !is_named,
            (false, is_in_namespace) => !is_in_namespace,
        };
        let version = resource
            .version(&target.version)
            .filter(|_| fits && is_kept)?
            .clone();
        let subresource = match &target.subresource {
            None => None,
            Some(name) => {
                let is_here = SUBRESOURCES.contains(&name.as_str());
                let mut known = version.subresources.iter();
                Some(known.find(|known| is_here && known.name == *name)?.clone())
            }
        };
        let call = Self::checked(request, target, resource, version, subresource);
        Some(call)
    }

    fn checked(
        request: &'a Request,
        target: &'a Target,
        resource: Arc<Resource>,
        version: Version,
        subresource: Option<Subresource>,
    ) -> Result<Self, Failure> {
        let verb = request.asked.verb.as_str();
        let verbs = subresource
            .as_ref()
            .map_or(&version.verbs, |subresource| &subresource.verbs);
        let needs_name = matches!(request.asked.verb, Verb::Update | Verb::Patch);
        if (needs_name && target.name.is_none()) || !verbs.iter().any(|known| known == verb) {
            return Err(not_allowed(&resource, verb));
        }
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
        not_allowed(&self.resource, self.request.asked.verb.as_str())
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
        Failure::not_found(&self.resource.group, &self.resource.plural, self.name())
    }
}

fn not_allowed(resource: &Resource, verb: &str) -> Failure {
    if resource.rules.is_custom {
        Failure::method_not_supported(&resource.group, &resource.plural, verb)
    } else {
        Failure::method_not_allowed()
    }
}
