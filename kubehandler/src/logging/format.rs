//! What a log looks like, and where it goes.

/// What a line of the log looks like.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Format {
    /// For people, with colors on a terminal, unless `NO_COLOR` is set.
    #[default]
    Text,
    /// One JSON object a line, for programs: the fields of the record, and in `spans` those of the
    /// spans it is in, such as `{"level":"INFO","message":"scaled","spans":[{"name":"callback",
    /// "object":"shop/web",..}],..}`.
    Json,
}

/// Where the log is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Stream {
    /// Standard error.
    #[default]
    Stderr,
    /// Standard output.
    Stdout,
}
