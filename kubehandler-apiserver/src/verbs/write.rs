//! What changes objects: create, update, patch, delete.

use std::{
    borrow::Cow,
    sync::{Arc, MutexGuard},
};

use http::{StatusCode, header};
use serde_json::Value;

use super::Call;
use crate::{
    controllers::{Committed, Deleted},
    failure::Failure,
    kinds::Catalog,
    media::{PatchType, codec_of_body},
    options::{DeleteOptions, ListOptions, WriteOptions},
    reply::{self, Reply},
    rules::{
        self, Body, NAME_ATTEMPTS, NamespaceState, Part, Patch, Updated, Write, deleted_answer,
        generates_name, unrecognized,
    },
    server::Shared,
    shape::api_version,
    state::State,
    storage::{Stored, key},
};

/// What a write needs beside the request, fetched under the lock.
struct Moment {
    now: String,
    new_uid: String,
    namespace_state: NamespaceState,
}

impl Call<'_> {
    /// Answers a POST.
    pub(crate) fn create(&self, shared: &Shared) -> Result<Reply, Failure> {
        let body = self.body()?;
        let options = WriteOptions::create(&self.request.query)?;
        let mut state = shared.state();
        let moment = self.moment(&mut state);
        let write = self.write(&moment);
        let rack = state.rack(&self.resource);
        let make = if options.is_dry_run {
            Write::create_dry
        } else {
            Write::create
        };
        let mut attempts = NAME_ATTEMPTS;
        let object = loop {
            let is_generated = generates_name(&body.value);
            let object = make(&write, body.clone(), &mut || state.suffix())?;
            self.check_definition(&state, &object)?;
            let name = crate::object::name(&object).to_owned();
            let Some(existing) = state.storage.get(rack, &key(self.namespace(), &name)) else {
                break object;
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
        };
        if options.is_dry_run {
            return self.reply_value(StatusCode::CREATED, object);
        }
        let stored = state.put(&self.resource, None, &object);
        Self::settle(shared, state);
        self.reply(StatusCode::CREATED, &stored)
    }

    /// Answers a PUT.
    pub(crate) fn update(&self, shared: &Shared) -> Result<Reply, Failure> {
        let body = self.body()?;
        let options = WriteOptions::update(&self.request.query)?;
        let is_scale = self.is_scale();
        self.change(shared, options.is_dry_run, |write, old| {
            if is_scale {
                write.replace_scale(old, body)
            } else {
                write.replace(old, body)
            }
        })
    }

    /// Answers a PATCH.
    pub(crate) fn patch(&self, shared: &Shared) -> Result<Reply, Failure> {
        let ty = PatchType::parse(self.content_type(), self.resource.rules.is_custom)?;
        let options = WriteOptions::patch(&self.request.query)?;
        let patch = match ty {
            PatchType::Json => Patch::json(&self.request.body)?,
            PatchType::Merge => Patch::merge(&self.request.body)?,
        };
        let is_scale = self.is_scale();
        self.change(shared, options.is_dry_run, |write, old| {
            if is_scale {
                write.patch_scale(old, &patch)
            } else {
                write.patch(old, &patch)
            }
        })
    }

    /// Replaces an object by what `decide` makes of it.
    fn change(
        &self,
        shared: &Shared,
        is_dry_run: bool,
        decide: impl FnOnce(&Write<'_>, Option<&Value>) -> Result<Updated, Failure>,
    ) -> Result<Reply, Failure> {
        let mut state = shared.state();
        let moment = self.moment(&mut state);
        let write = self.write(&moment);
        let rack = state.rack(&self.resource);
        let stored = state.storage.get(rack, &self.key()).cloned();
        let old = stored.as_ref().map(|stored| self.whole(stored));
        let updated = decide(&write, old.as_ref())?;
        if is_dry_run {
            let (code, object) = match updated {
                Updated::Create(object) => (StatusCode::CREATED, Some(object)),
                Updated::Put(object) | Updated::Remove(object) => (StatusCode::OK, Some(object)),
                Updated::Unchanged => (StatusCode::OK, old),
            };
            return self.reply_value(code, object.unwrap_or_default());
        }
        match (
            state.commit_update(&self.resource, old.as_ref(), updated),
            stored,
        ) {
            (Committed::Unchanged, Some(stored)) => self.reply(StatusCode::OK, &stored),
            (Committed::Unchanged, None) => Err(self.not_found()),
            (Committed::Removed(object), _) => {
                Self::settle(shared, state);
                self.reply_value(StatusCode::OK, object)
            }
            (Committed::Created(stored), _) => {
                Self::settle(shared, state);
                self.reply(StatusCode::CREATED, &stored)
            }
            (Committed::Updated(stored), _) => {
                Self::settle(shared, state);
                self.reply(StatusCode::OK, &stored)
            }
        }
    }

    /// Answers a DELETE.
    pub(crate) fn delete(&self, shared: &Shared) -> Result<Reply, Failure> {
        let options = self.delete_options()?;
        let mut state = shared.state();
        let rack = state.rack(&self.resource);
        let stored = state.storage.get(rack, &self.key()).cloned();
        let stored = stored.ok_or_else(|| self.not_found())?;
        let (code, answer) = self.delete_one(&mut state, &stored, &options)?;
        Self::settle(shared, state);
        if answer["kind"] == "Status" {
            return Ok(reply::value(code, &answer));
        }
        self.reply_value(code, answer)
    }

    /// Deletes one object and returns the answer to that.
    fn delete_one(
        &self,
        state: &mut State,
        stored: &Arc<Stored>,
        options: &DeleteOptions,
    ) -> Result<(StatusCode, Value), Failure> {
        let moment = self.moment(state);
        let write = Write {
            name: stored.name(),
            ..self.write(&moment)
        };
        let old = self.whole(stored);
        let deletion = write.delete(&old, options)?;
        if options.is_dry_run {
            return Ok(self.dry_deletion(&old, deletion));
        }
        // The older way to ask for the background says that it is not done yet.
        let pending = match options.orphans_dependents {
            Some(false) => StatusCode::ACCEPTED,
            _ => StatusCode::OK,
        };
        Ok(
            match state.commit_deletion(&self.resource, &old, deletion) {
                Deleted::Waits(None) => (pending, old),
                Deleted::Waits(Some(stored)) => (pending, self.whole(&stored)),
                Deleted::Gone { last, is_put } => {
                    // What went at once is shown as it was, what was marked first as it went.
                    let shown = self.whole(if is_put { &last } else { stored });
                    (StatusCode::OK, deleted_answer(&self.resource, &shown))
                }
            },
        )
    }

    fn dry_deletion(&self, old: &Value, deletion: rules::Deletion) -> (StatusCode, Value) {
        let answer = match deletion {
            rules::Deletion::Put(object) => object,
            rules::Deletion::Unchanged => old.clone(),
            rules::Deletion::PutAndRemove(object) => deleted_answer(&self.resource, &object),
            rules::Deletion::Remove => deleted_answer(&self.resource, old),
        };
        (StatusCode::OK, answer)
    }

    /// Answers a DELETE of a collection with the objects that it was for.
    pub(crate) fn delete_collection(&self, shared: &Shared) -> Result<Reply, Failure> {
        let list = ListOptions::parse(&self.request.query)?;
        let options = self.delete_options()?.for_collection()?;
        let selection = self.selection(&list)?;
        let start = list.list_start()?;
        let mut state = shared.state();
        let page = self.page(&mut state, &selection, &start, list.page())?;
        for item in &page.items {
            let rack = state.rack(&self.resource);
            let Some(stored) = state.storage.get(rack, item.key()).cloned() else {
                continue; // It went with one before it.
            };
            self.delete_one(&mut state, &stored, &options)?;
        }
        Self::settle(shared, state);
        self.reply_list(&page)
    }

    fn delete_options(&self) -> Result<DeleteOptions, Failure> {
        DeleteOptions::parse(&self.request.query, self.content_type(), &self.request.body)
    }

    /// Does what follows from a change, gives the lock back, and wakes who waits for a version.
    fn settle(shared: &Shared, mut state: MutexGuard<'_, State>) {
        state.settle();
        drop(state);
        shared.advanced.notify_waiters();
    }

    fn body(&self) -> Result<Body<'_>, Failure> {
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
    fn check_definition(&self, state: &State, object: &Value) -> Result<(), Failure> {
        if !(self.resource.rules.is_custom && state.is_ending(&self.resource)) {
            return Ok(());
        }
        let (group, plural) = (&self.resource.group, &self.resource.plural);
        let name = crate::object::name(object);
        let why = "create not allowed while custom resource definition is terminating";
        Err(Failure::forbidden(group, plural, name, why))
    }

    fn content_type(&self) -> Option<&str> {
        let content_type = self.request.headers.get(header::CONTENT_TYPE)?;
        content_type.to_str().ok()
    }

    fn moment(&self, state: &mut State) -> Moment {
        let namespace = self.target.namespace.as_deref();
        Moment {
            now: state.clock.now(),
            new_uid: state.uid(),
            namespace_state: namespace.map_or(NamespaceState::Active, |namespace| {
                state.namespace_state(namespace)
            }),
        }
    }

    fn write<'m>(&'m self, moment: &'m Moment) -> Write<'m> {
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
            new_uid: &moment.new_uid,
            is_known: Catalog::is_builtin_kind,
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
        };
        self.write(&moment).scale(object)
    }

    /// Returns an object as rules see it, in the version of the request.
    pub(super) fn whole(&self, stored: &Stored) -> Value {
        stored.to_object(
            &api_version(&self.resource, &self.version),
            &self.version.kind,
        )
    }

    fn reply_value(&self, code: StatusCode, object: Value) -> Result<Reply, Failure> {
        if self.is_scale() {
            return Ok(reply::value(code, &self.scale_of(&object)?));
        }
        self.accepted
            .check_form(false, &self.resource, &self.version)?;
        Ok(reply::value(code, &self.shape().value(object)))
    }
}
