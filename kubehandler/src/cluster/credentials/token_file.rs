//! A token in a file that somebody renews, as the kubelet does in a pod.

use std::{fs, io, path::Path, path::PathBuf};

use http::HeaderValue;
use secrecy::SecretString;

use super::bearer::bearer;
use crate::{
    Printable,
    cluster::{
        error::{ClusterError, Place},
        reread::Reread,
    },
};

/// Reads a token from a file; `text` counts as long as it cannot be read.
///
/// # Errors
///
/// Fails if there is no token.
pub(super) fn token_file(
    file: PathBuf,
    text: Option<&SecretString>,
    place: Place,
) -> Result<Reread<HeaderValue>, ClusterError> {
    let value = match (read(&file, &place), text) {
        (Ok(value), _) => value,
        (Err(_), Some(text)) => bearer(text, &place)?,
        (Err(error), None) => return Err(error),
    };
    let again = move || read(&file, &place).map_err(|error| error.to_string());
    Ok(Reread::file(value, again))
}

fn read(file: &Path, place: &Place) -> Result<HeaderValue, ClusterError> {
    let shown = Printable::new(file.display()).to_string();
    let token = fs::read_to_string(file).map_err(|error: io::Error| {
        place.invalid(format!("its token file `{shown}` cannot be read: {error}"))
    })?;
    if token.trim().is_empty() {
        return Err(place.invalid(format!(
            "its token file `{shown}` is empty: write a token to it"
        )));
    }
    bearer(&token.into(), place)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::tests::Folder;

    #[tokio::test]
    async fn renewed_token_counts_once_the_last_is_refused() {
        let folder = Folder::new();
        let file = folder.file("token", " A\r\n");
        let token = token_file(file.clone(), Some(&"text".into()), Place::code()).expect("a token");
        let first = token.current();
        fs::write(&file, "B\n").expect("written");

        let second = folder.eventually(|| {
            token.refresh();
            Some(token.current()).filter(|token| *token != first)
        });
        fs::remove_file(&file).expect("removed");
        token.refresh();

        assert_eq!(first, "Bearer A");
        assert_eq!(second, "Bearer B");
        assert_eq!(token.current(), "Bearer B");
    }

    #[test]
    fn file_without_a_token_is_named() {
        let folder = Folder::new();
        let file = folder.file("token", " \n");

        let text = token_file(file.clone(), Some(&"text".into()), Place::code());
        let error = token_file(file.clone(), None, Place::code()).err();

        let error = error.expect("no token").to_string();
        assert_eq!(text.expect("a token").current(), "Bearer text");
        assert!(error.contains("is empty"), "{error}");
        assert!(error.contains(&*file.to_string_lossy()), "{error}");
    }
}
