//! A token in a file that somebody renews, as the kubelet does in a pod.

use std::{
    fs, io,
    path::{Path, PathBuf},
    time::Duration,
};

use http::HeaderValue;
use parking_lot::Mutex;
use secrecy::SecretString;
use tokio::time::Instant;

use super::bearer;
use crate::{
    cluster::error::{ClusterError, Place},
    log::warn,
    printable::Printable,
};

/// How long a token counts before the file is read again, as in Go's client.
const REREAD: Duration = Duration::from_secs(60);

/// A file that holds a token.
pub(crate) struct TokenFile {
    file: PathBuf,
    place: Place,
    last: Mutex<Last>,
}

struct Last {
    value: HeaderValue,
    /// `None` if it is to be read again at once.
    read_at: Option<Instant>,
}

impl TokenFile {
    /// Reads the file; `text` counts as long as it cannot be read.
    ///
    /// # Errors
    ///
    /// Fails if there is no token.
    pub(super) fn new(
        file: PathBuf,
        text: Option<&SecretString>,
        place: Place,
    ) -> Result<Self, ClusterError> {
        let value = match (read(&file, &place), text) {
            (Ok(value), _) => value,
            (Err(_), Some(text)) => bearer(text, &place)?,
            (Err(error), None) => return Err(error),
        };
        let read_at = Some(Instant::now());
        Ok(Self {
            file,
            place,
            last: Mutex::new(Last { value, read_at }),
        })
    }

    /// Returns the token; one that cannot be read again still counts.
    pub(super) fn current(&self) -> HeaderValue {
        let mut last = self.last.lock();
        let is_fresh = last.read_at.is_some_and(|at| at.elapsed() < REREAD);
        if !is_fresh {
            last.read_at = Some(Instant::now());
            match read(&self.file, &self.place) {
                Ok(value) => last.value = value,
                Err(error) => warn!(%error, "cannot read the token again; the last one counts"),
            }
        }
        last.value.clone()
    }

    /// Notes that the server did not accept the token: the file may hold another.
    pub(super) fn rejected(&self) {
        self.last.lock().read_at = None;
    }
}

fn read(file: &Path, place: &Place) -> Result<HeaderValue, ClusterError> {
    let shown = Printable::new(file.display()).to_string();
    let token = fs::read_to_string(file).map_err(|error: io::Error| {
        place.invalid(format!("its token file `{shown}` cannot be read: {error}"))
    })?;
    if token.trim().is_empty() {
        return Err(place.invalid(format!("its token file `{shown}` is empty")));
    }
    bearer(&token.into(), place)
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Scratch(PathBuf);

    impl Scratch {
        fn new(token: &str) -> Self {
            let name = format!("kubehandler-token-{}", fastrand::u64(..));
            let file = std::env::temp_dir().join(name);
            fs::write(&file, token).expect("written");
            Self(file)
        }

        fn token_file(&self, text: Option<&str>) -> Result<TokenFile, ClusterError> {
            let text = text.map(SecretString::from);
            TokenFile::new(self.0.clone(), text.as_ref(), Place::code())
        }
    }

    impl Drop for Scratch {
        fn drop(&mut self) {
            let _ = fs::remove_file(&self.0);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn renewed_token_counts_within_a_minute_and_at_once_if_the_last_is_rejected() {
        let scratch = Scratch::new(" A\r\n");
        let file = scratch.token_file(Some("text")).expect("a token");
        let first = file.current();
        fs::write(&scratch.0, "B\n").expect("written");
        tokio::time::sleep(Duration::from_secs(59)).await;
        let kept = file.current();
        tokio::time::sleep(Duration::from_secs(1)).await;
        let second = file.current();
        fs::write(&scratch.0, "C").expect("written");
        file.rejected();
        let third = file.current();
        fs::remove_file(&scratch.0).expect("removed");
        file.rejected();
        let last = file.current();

        assert_eq!(
            [first, kept, second, third, last],
            ["Bearer A", "Bearer A", "Bearer B", "Bearer C", "Bearer C"]
        );
    }

    #[test]
    fn file_without_a_token_is_named() {
        let scratch = Scratch::new(" \n");

        let text = scratch.token_file(Some("text")).expect("a token").current();
        let error = scratch
            .token_file(None)
            .err()
            .expect("no token")
            .to_string();

        assert_eq!(text, "Bearer text");
        assert!(error.contains("is empty"), "{error}");
        assert!(error.contains(&*scratch.0.to_string_lossy()), "{error}");
    }
}
