//! One object, or a list of them, as they are or were.

use std::{ops::Bound, sync::Arc, time::Duration};

use http::StatusCode;
use serde_json::json;
use tokio::time::timeout;

use super::Call;
use crate::{
    engine::Engine,
    failure::Failure,
    state::{State, storage::Stored},
    verbs::selection::Selection,
    wire::{
        media::Form,
        options::{ContinueToken, GetOptions, ListOptions, ListStart, ResourceVersion},
        reply::{self, Reply},
    },
};

/// How long a request waits for a version that is not there yet.
const VERSION_WAIT: Duration = Duration::from_secs(3);

/// One page: what a list answers.
pub(crate) struct Page {
    pub(crate) revision: u64,
    pub(crate) items: Vec<Arc<Stored>>,
    /// Where the next page starts, and how many items are left if that is known.
    pub(crate) next: Option<(ContinueToken, Option<usize>)>,
}

impl Call<'_> {
    /// Answers with one object.
    pub(crate) async fn get(&self, engine: &Engine) -> Result<Reply, Failure> {
        let options = GetOptions::parse(&self.request.query)?;
        if let ResourceVersion::At(revision) = options.resource_version {
            self.wait_for(engine, revision).await?;
        }
        let stored = self.find(&mut engine.cluster())?;
        self.reply(StatusCode::OK, &stored)
    }

    /// Returns the object that the path names, as this client sees it.
    pub(crate) fn find(&self, state: &mut State) -> Result<Arc<Stored>, Failure> {
        let table = state.table(&self.resource);
        let view = state.view(self.client());
        let found = state.storage.get_in(table, &self.key(), view);
        let found = found.map_err(|_| Failure::list_expired())?;
        found.ok_or_else(|| self.not_found())
    }

    /// Answers with a list.
    pub(crate) async fn list(
        &self,
        engine: &Engine,
        options: &ListOptions,
    ) -> Result<Reply, Failure> {
        let selection = self.selection(options)?;
        let start = options.list_start()?;
        if let ListStart::NotOlderThan(revision) | ListStart::Exact(revision) = start {
            self.wait_for(engine, revision).await?;
        }
        let page = self.page(&mut engine.cluster(), &selection, &start, options.page())?;
        self.reply_list(&page)
    }

    pub(crate) fn reply_list(&self, page: &Page) -> Result<Reply, Failure> {
        self.accepted
            .check_form(true, &self.resource, &self.version)?;
        let mut metadata = json!({ "resourceVersion": page.revision.to_string() });
        if self.resource.rules.is_custom && self.accepted.form == Form::Whole {
            metadata["continue"] = "".into(); // Lists of these say so even where it is empty.
        }
        if let Some((token, remaining)) = &page.next {
            metadata["continue"] = token.encode().into();
            if let Some(remaining) = remaining {
                metadata["remainingItemCount"] = (*remaining).into();
            }
        }
        let body = self.shape().list(&metadata, &page.items);
        Ok(reply::json(StatusCode::OK, body))
    }

    /// Returns which objects the parameters select.
    pub(crate) fn selection(&self, options: &ListOptions) -> Result<Selection, Failure> {
        let mut fields = options.fields.clone();
        if let Some(name) = &self.target.name {
            fields = fields.restrict_to_name(name)?;
        }
        Ok(Selection {
            resource: Arc::clone(&self.resource),
            namespace: self.target.namespace.clone(),
            labels: options.labels.clone(),
            fields: fields.resolve(&self.resource, &self.version)?,
        })
    }

    /// Reads one page as this client sees it.
    pub(crate) fn page(
        &self,
        state: &mut State,
        selection: &Selection,
        start: &ListStart,
        limit: Option<usize>,
    ) -> Result<Page, Failure> {
        let head = self.head(state);
        let (revision, first) = match start {
            ListStart::Latest | ListStart::NotOlderThan(_) => (head, None),
            ListStart::Exact(revision) => (*revision, None),
            // A negative version goes on with whatever there is now.
            ListStart::Continue(token) => {
                let revision = u64::try_from(token.resource_version).unwrap_or(head);
                (revision, Some(token.start_key.as_str()))
            }
        };
        let table = state.table(&self.resource);
        let keys = Keys::new(self.target.namespace.as_deref(), first);
        let Ok(objects) = state.storage.list_at(table, revision, keys.range()) else {
            return Err(match first {
                Some(first) => {
                    let token = ContinueToken {
                        resource_version: -1,
                        start_key: first.to_owned(),
                    };
                    Failure::continue_expired(token.encode())
                }
                None => Failure::list_expired(),
            });
        };
        let mut objects = objects.filter(|object| selection.contains(object));
        let Some(limit) = limit else {
            let items = objects.cloned().collect();
            return Ok(Page {
                revision,
                items,
                next: None,
            });
        };
        let items: Vec<_> = objects.by_ref().take(limit).cloned().collect();
        let left = objects.count();
        let next = items.last().filter(|_| left > 0).map(|last| {
            let resource_version = i64::try_from(revision).unwrap_or(i64::MAX);
            let start_key = format!("{}\0", keys.relative(last.key()));
            let token = ContinueToken {
                resource_version,
                start_key,
            };
            (token, selection.is_everything().then_some(left))
        });
        Ok(Page {
            revision,
            items,
            next,
        })
    }

    pub(crate) fn head(&self, state: &State) -> u64 {
        let view = state.view(self.client());
        view.head(state.storage.revision())
    }

    /// Waits until this client can see `revision`, for a while.
    pub(crate) async fn wait_for(&self, engine: &Engine, revision: u64) -> Result<(), Failure> {
        let reached = async {
            loop {
                let advanced = engine.advanced.notified();
                let mut advanced = std::pin::pin!(advanced);
                advanced.as_mut().enable();
                if self.head(&engine.cluster()) >= revision {
                    return;
                }
                advanced.await;
            }
        };
        let in_time = timeout(VERSION_WAIT, reached).await;
        in_time.map_err(|_| {
            let current = self.head(&engine.cluster());
            Failure::too_large_resource_version(revision, current)
        })
    }
}

/// The keys that a list reads.
struct Keys {
    /// `namespace/`, empty for a list of all.
    prefix: String,
    first: String,
    /// What follows the last; absent for a list of all.
    end: Option<String>,
}

impl Keys {
    /// The keys of a namespace, or of all, from `first` on, which is relative to it.
    fn new(namespace: Option<&str>, first: Option<&str>) -> Self {
        let prefix = namespace
            .map(|namespace| format!("{namespace}/"))
            .unwrap_or_default();
        Self {
            first: format!("{prefix}{}", first.unwrap_or_default()),
            end: namespace.map(|namespace| format!("{namespace}0")), // `0` follows `/`.
            prefix,
        }
    }

    fn range(&self) -> (Bound<&str>, Bound<&str>) {
        let end = self
            .end
            .as_deref()
            .map_or(Bound::Unbounded, Bound::Excluded);
        (Bound::Included(&self.first), end)
    }

    fn relative<'a>(&self, key: &'a str) -> &'a str {
        key.strip_prefix(&self.prefix).unwrap_or(key)
    }
}
