//! What an informer lists and watches.

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
