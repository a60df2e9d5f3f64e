//! What changes objects: create, update, patch, delete.

use std::borrow::Cow;

use http::{StatusCode, header};
use serde_json::Value;

use super::{
    Call,
    commit::{Decision, Outcome},
};
use crate::{
    controllers::Cluster,
    engine::Engine,
    failure::{Failure, is_printable},
    kinds::{Catalog, api_version},
    rules::{
        self, Body, NAME_ATTEMPTS, NamespaceState, Part, Patch, Updated, Write, Writer,
        generates_name, unrecognized,
    },
    state::{
        State,
        storage::{Stored, key},
    },
    wire::{
        media::{PatchType, codec_of_body, yaml},
        options::{DeleteOptions, ListOptions, MAX_FIELD_MANAGER, WriteOptions},
        reply::{self, Reply},
        request::Request,
    },
};

/// What a write needs beside the request, fetched under the lock.
pub(super) struct Moment {
    now: String,
    new_uid: String,
    namespace_state: NamespaceState,
    tracks_managers: bool,
}

impl Call<'_> {
    /// Answers a POST.
    pub(crate) async fn create(&self, engine: &Engine) -> Result<Reply, Failure> {
        let body = self.body()?;
        let options = WriteOptions::create(&self.request.query)?;
        let decide = |cluster: &mut Cluster| self.decide_create(cluster, &body, options.is_dry_run);
        self.write_through(engine, options.is_dry_run, decide).await
    }

    fn decide_create(
        &self,
        cluster: &mut Cluster,
        body: &Body<'_>,
        is_dry_run: bool,
    ) -> Result<Decision, Failure> {
        let moment = self.moment(cluster);
        let write = self.write(&moment);
        let table = cluster.table(&self.resource);
        let make = if is_dry_run {
            Write::create_dry
        } else {
            Write::create
        };
        let mut attempts = NAME_ATTEMPTS;
        loop {
            let is_generated = generates_name(&body.value);
            let mut object = make(&write, body.clone(), &mut || cluster.suffix())?;
            self.allocate(cluster, &mut object)?;
            self.check_definition(cluster, &object)?;
            let name = crate::object::name(&object).to_owned();
            let Some(existing) = cluster.storage.get(table, &key(self.namespace(), &name)) else {
                return Ok(Decision {
                    name,
                    seen: None,
                    old: None,
                    outcome: Outcome::Write(Updated::Create(object)),
                });
            };
            attempts -= 1;
            if !is_generated || attempts == 0 {
                let existing = self.whole(existing);
                return Err(rules::already_exists(
                    &self.resource,
                    &body.value,
                    &existing,
                ));
            }
        }
    }

    /// Answers a PUT.
    pub(crate) async fn update(&self, engine: &Engine) -> Result<Reply, Failure> {
        let body = self.body()?;
        let options = WriteOptions::update(&self.request.query)?;
        let is_scale = self.is_scale();
        self.change(engine, options.is_dry_run, |write, old| {
            if is_scale {
                write.replace_scale(old, body.clone())
            } else {
                write.replace(old, body.clone())
            }
        })
        .await
    }

    /// Answers a PATCH.
    pub(crate) async fn patch(&self, engine: &Engine) -> Result<Reply, Failure> {
        let ty = PatchType::parse(self.content_type(), self.resource.rules.is_custom)?;
        if ty == PatchType::Apply {
            return self.apply(engine).await;
        }
        let options = WriteOptions::patch(&self.request.query)?;
        let patch = match ty {
            PatchType::Json => Patch::json(&self.request.body)?,
            _ => Patch::merge(&self.request.body)?,
        };
        let is_scale = self.is_scale();
        self.change(engine, options.is_dry_run, |write, old| {
            if is_scale {
                write.patch_scale(old, &patch)
            } else {
                write.patch(old, &patch)
            }
        })
        .await
    }

    /// Answers a PATCH that is a server-side apply.
    async fn apply(&self, engine: &Engine) -> Result<Reply, Failure> {
        let options = WriteOptions::apply(&self.request.query)?;
        let config = yaml::parse(&self.request.body)
            .map_err(|why| Failure::bad_request(format!("error decoding patch: {why}")))?;
        let is_scale = self.is_scale();
        self.change(engine, options.is_dry_run, |write, old| {
            if is_scale {
                write.apply_scale(old, &config, options.is_forced)
            } else {
                write.apply(old, &config, options.is_forced)
            }
        })
        .await
    }

    /// Replaces an object by what `decide` makes of it.
    async fn change(
        &self,
        engine: &Engine,
        is_dry_run: bool,
        decide: impl Fn(&Write<'_>, Option<&Value>) -> Result<Updated, Failure>,
    ) -> Result<Reply, Failure> {
        let decide = |cluster: &mut Cluster| {
            let moment = self.moment(cluster);
            let table = cluster.table(&self.resource);
            let seen = cluster.storage.get(table, &self.key()).cloned();
            let old = seen.as_ref().map(|stored| self.whole(stored));
            let mut updated = decide(&self.write(&moment), old.as_ref())?;
            if let Updated::Create(object) | Updated::Put(object) = &mut updated {
                self.allocate(cluster, object)?;
            }
            Ok(Decision {
                name: self.name().to_owned(),
                seen,
                old,
                outcome: Outcome::Write(updated),
            })
        };
        self.write_through(engine, is_dry_run, decide).await
    }

    /// Answers a DELETE.
    pub(crate) async fn delete(&self, engine: &Engine) -> Result<Reply, Failure> {
        let options = self.delete_options()?;
        let decide = |cluster: &mut Cluster| self.decide_delete(cluster, &self.key(), &options);
        let is_dry_run = options.is_dry_run;
        self.write_through(engine, is_dry_run, decide).await
    }

    fn decide_delete(
        &self,
        cluster: &mut Cluster,
        key: &str,
        options: &DeleteOptions,
    ) -> Result<Decision, Failure> {
        let table = cluster.table(&self.resource);
        let seen = cluster.storage.get(table, key).cloned();
        let seen = seen.ok_or_else(|| self.not_found())?;
        let moment = self.moment(cluster);
        let write = Write {
            name: seen.name(),
            ..self.write(&moment)
        };
        let old = self.whole(&seen);
        let deletion = write.delete(&old, options)?;
        // The older way to ask for the background says that it is not done yet.
        let pending = match options.orphans_dependents {
            Some(false) => StatusCode::ACCEPTED,
            _ => StatusCode::OK,
        };
        Ok(Decision {
            name: seen.name().to_owned(),
            seen: Some(seen),
            old: Some(old),
            outcome: Outcome::Delete(deletion, pending),
        })
    }

    /// Answers a DELETE of a collection with the objects that it was for.
    pub(crate) async fn delete_collection(&self, engine: &Engine) -> Result<Reply, Failure> {
        let list = ListOptions::parse(&self.request.query)?;
        let options = self.delete_options()?.for_collection()?;
        let selection = self.selection(&list)?;
        let start = list.list_start()?;
        let page = self.page(&mut engine.cluster(), &selection, &start, list.page())?;
        for item in &page.items {
            let decide = |cluster: &mut Cluster| self.decide_delete(cluster, item.key(), &options);
            match self.write_through(engine, options.is_dry_run, decide).await {
                Ok(_) => {}
                Err(failure) if failure.code == 404 => {} // It went with one before it.
                Err(failure) => return Err(failure),
            }
        }
        self.reply_list(&page)
    }

    fn delete_options(&self) -> Result<DeleteOptions, Failure> {
        DeleteOptions::parse(&self.request.query, self.content_type(), &self.request.body)
    }

    pub(super) fn body(&self) -> Result<Body<'_>, Failure> {
        let codec = codec_of_body(self.content_type())?;
        let bytes = &self.request.body;
        let value = codec.decode(bytes);
        let value = value.map_err(|why| {
            let why = format!("couldn't get version/kind; json parse error: {why}");
            unrecognized(&self.version.kind, &why, bytes)
        })?;
        Ok(Body {
            value,
            bytes: Cow::Borrowed(bytes),
        })
    }

    /// A resource whose definition goes takes no new objects.
    fn check_definition(&self, cluster: &Cluster, object: &Value) -> Result<(), Failure> {
        if !(self.resource.rules.is_custom && cluster.is_ending(&self.resource)) {
            return Ok(());
        }
        let name = crate::object::name(object);
        let why = "create not allowed while custom resource definition is terminating";
        Err(Failure::forbidden(
            self.resource.group_resource(),
            name,
            why,
        ))
    }

    fn content_type(&self) -> Option<&str> {
        let content_type = self.request.headers.get(header::CONTENT_TYPE)?;
        content_type.to_str().ok()
    }

    pub(super) fn moment(&self, state: &mut State) -> Moment {
        let namespace = self.target.namespace.as_deref();
        Moment {
            now: state.clock.now(),
            new_uid: state.uid(),
            namespace_state: namespace.map_or(NamespaceState::Active, |namespace| {
                state.namespace_state(namespace)
            }),
            tracks_managers: state.tracks_managers,
        }
    }

    pub(super) fn write<'m>(&'m self, moment: &'m Moment) -> Write<'m> {
        let part = match &self.target.subresource {
            Some(name) if name == "status" => Part::Status,
            Some(name) if name == "finalize" => Part::Finalize,
            _ => Part::Main,
        };
        Write {
            resource: &self.resource,
            version: &self.version,
            part,
            namespace: self.target.namespace.as_deref(),
            namespace_state: moment.namespace_state,
            name: self.name(),
            now: &moment.now,
            writer: Writer {
                name: &self.manager,
                is_tracked: moment.tracks_managers,
            },
            new_uid: &moment.new_uid,
            is_known: Catalog::is_builtin_kind,
            checks: &self.checks,
        }
    }

    pub(super) fn is_scale(&self) -> bool {
        self.subresource
            .as_ref()
            .is_some_and(|subresource| subresource.name == "scale")
    }

    /// Returns the `Scale` of an object.
    pub(super) fn scale_of(&self, object: &Value) -> Result<Value, Failure> {
        let moment = Moment {
            now: String::new(),
            new_uid: String::new(),
            namespace_state: NamespaceState::Active,
            tracks_managers: false,
        };
        self.write(&moment).scale(object)
    }

    /// Returns an object as rules see it, in the version of the request.
    pub(super) fn whole(&self, stored: &Stored) -> Value {
        let mut object = stored.to_object(
            &api_version(&self.resource, &self.version),
            &self.version.kind,
        );
        stored.refit(&mut object, self.resource.storage_schema.as_ref());
        object
    }

    pub(super) fn reply_value(&self, code: StatusCode, object: Value) -> Result<Reply, Failure> {
        if self.is_scale() {
            return Ok(reply::value(code, &self.scale_of(&object)?));
        }
        self.accepted
            .check_form(false, &self.resource, &self.version)?;
        Ok(reply::value(code, &self.shape().value(object)))
    }
}

/// Returns who manages what a request writes: who it says, or else who its user agent says it is.
pub(super) fn manager(request: &Request) -> String {
    let named = request.query.text("fieldManager");
    if !named.is_empty() {
        return named;
    }
    let agent = request.headers.get(header::USER_AGENT);
    let agent = agent
        .and_then(|agent| agent.to_str().ok())
        .unwrap_or_default();
    let program = agent.split('/').next().unwrap_or_default();
    let mut name = String::new();
    for c in program.chars().filter(|c| is_printable(*c)) {
        if name.len() + c.len_utf8() > MAX_FIELD_MANAGER {
            break;
        }
        name.push(c);
    }
    name
}
