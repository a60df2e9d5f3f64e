//! What an informer lists and watches, and how long it waits for the server.

use std::time::Duration;

/// Which objects of a kind: a namespace, a label selector, a field selector; by default all.
///
/// The server applies it. Two handlers with equal filters share one watch.
///
/// # Examples
///
/// ```
/// use kubehandler::Filter;
///
/// let filter = Filter::default().namespace("web").labels("tier in (a, b)");
/// assert_eq!(filter, Filter::default().labels("tier in (a, b)").namespace("web"));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Filter {
    pub(crate) namespace: Option<String>,
    pub(crate) labels: Option<String>,
    pub(crate) fields: Option<String>,
}

impl Filter {
    /// Takes only objects of this namespace.
    #[must_use]
    pub fn namespace(mut self, namespace: impl Into<String>) -> Self {
        self.namespace = Some(namespace.into());
        self
    }

    /// Takes only objects that match this label selector, such as `app=web,tier!=test`.
    ///
    /// An empty selector matches every object.
    #[must_use]
    pub fn labels(mut self, selector: impl Into<String>) -> Self {
        self.labels = Some(selector.into()).filter(|selector| !selector.is_empty());
        self
    }

    /// Takes only objects that match this field selector, such as `status.phase=Running`.
    ///
    /// An empty selector matches every object.
    #[must_use]
    pub fn fields(mut self, selector: impl Into<String>) -> Self {
        self.fields = Some(selector.into()).filter(|selector| !selector.is_empty());
        self
    }
}

/// How long an informer waits for the server, and how it backs off.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// From a request to the first line of its answer.
    pub(crate) start: Duration,
    /// Without a byte of a list.
    pub(crate) list_idle: Duration,
    /// Without a frame of a streaming list.
    pub(crate) stream_idle: Duration,
    /// From the start of a streaming list to its closing bookmark. With the pages that come
    /// instead, it fits into the sync timeout, or a loop could never sync with a busy server
    /// that ignores streaming lists.
    pub(crate) stream_whole: Duration,
    /// After which the server is asked to close a watch.
    pub(crate) watch: Duration,
    /// After which a watch that the server has not closed by then is taken for dead.
    pub(crate) watch_grace: Duration,
    /// A watch that ends sooner counts as a failure, or a server that closes each at once
    /// would be asked in a hot loop.
    pub(crate) watch_early: Duration,
    /// The least time from the start of one watch to that of the next, whatever the first brought.
    pub(crate) watch_pause: Duration,
    /// Without a watch for this long after a failure, the informer is not healthy.
    pub(crate) unwatched: Duration,
    /// Objects in a page of a list.
    pub(crate) page: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            start: Duration::from_secs(30),
            list_idle: Duration::from_secs(60),
            stream_idle: Duration::from_secs(30),
            stream_whole: Duration::from_secs(75),
            watch: Duration::from_secs(290),
            watch_grace: Duration::from_secs(10),
            watch_early: Duration::from_secs(5),
            watch_pause: Duration::from_secs(1),
            unwatched: Duration::from_secs(300),
            page: 500,
        }
    }
}
