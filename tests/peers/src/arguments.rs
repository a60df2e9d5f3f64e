//! What the runner tells a contestant.

use anyhow::{Context as _, bail};
use http::Uri;

/// The command line `URL PODS MODE`.
#[derive(Debug)]
pub struct Arguments {
    /// Where the load server serves.
    pub url: Uri,
    /// How many pods it has.
    pub pods: usize,
    /// What the callbacks do.
    pub mode: Mode,
}

/// What a contestant's callbacks do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// They take key, uid and resourceVersion.
    Key,
    /// They read the whole typed object, too.
    Object,
    /// As `Key`, and many informers share the objects out.
    Idle,
    /// As `Key`, and the store keeps the objects decoded; for our own contestant.
    Decoded,
}

impl Arguments {
    /// Reads the command line.
    ///
    /// # Errors
    ///
    /// Fails if an argument is missing or not understood.
    pub fn read() -> anyhow::Result<Self> {
        let mut arguments = std::env::args().skip(1);
        let mut next = || {
            arguments
                .next()
                .context("usage: URL PODS key|object|idle|decoded")
        };
        Ok(Self {
            url: next()?.parse()?,
            pods: next()?.parse()?,
            mode: match next()?.as_str() {
                "key" => Mode::Key,
                "object" => Mode::Object,
                "idle" => Mode::Idle,
                "decoded" => Mode::Decoded,
                other => bail!("unknown mode `{other}`"),
            },
        })
    }
}
