//! Kubeconfig files: found, read, and merged as client-go's `clientcmd` does it.
//!
//! Of several files, the first that names a cluster, user or context has it, as a whole; so does
//! the first that sets `current-context`. Paths are relative to the file that they stand in.

mod file;
#[cfg(fuzzing)]
mod fuzzing;

use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
    sync::Arc,
};

pub(crate) use file::{AuthInfo, ClusterEntry, ContextEntry, Exec, ProviderConfig, Variable};

use crate::{
    Printable,
    cluster::error::{ClusterError, Place},
};
use file::{File, NamedEntry};

/// What some kubeconfig files say together.
#[derive(Debug, Default)]
pub(crate) struct Kubeconfig {
    /// The files that were read.
    pub(crate) files: Arc<[PathBuf]>,
    pub(crate) clusters: Entries<ClusterEntry>,
    pub(crate) users: Entries<AuthInfo>,
    pub(crate) contexts: Entries<ContextEntry>,
    pub(crate) current_context: Option<String>,
}

/// The entries of one kind by name, each with the file that it stands in.
pub(crate) type Entries<T> = BTreeMap<String, FileEntry<T>>;

#[derive(Debug)]
pub(crate) struct FileEntry<T> {
    pub(crate) file: PathBuf,
    pub(crate) value: T,
}

impl Kubeconfig {
    /// Reads and merges these files; those that do not exist are left out.
    ///
    /// # Errors
    ///
    /// Fails if a file cannot be read, or if none exists.
    pub(crate) fn read(files: &[PathBuf]) -> Result<Self, ClusterError> {
        let mut kubeconfig = Self::default();
        let mut found = Vec::new();
        for file in files {
            let bytes = match fs::read(file) {
                Ok(bytes) => bytes,
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                Err(error) => {
                    let place = Place::file(file.clone());
                    return Err(place.invalid(format!("the kubeconfig cannot be read: {error}")));
                }
            };
            kubeconfig.add(file, &bytes)?;
            found.push(file.clone());
        }
        if found.is_empty() {
            let place = Place::files(files.into());
            return Err(place.invalid(
                "there is no such file; name a kubeconfig that exists, or unset KUBECONFIG",
            ));
        }
        kubeconfig.files = found.into();
        Ok(kubeconfig)
    }

    /// Returns true if nothing is configured, as in an empty file.
    pub(crate) fn is_empty(&self) -> bool {
        self.clusters.is_empty()
            && self.users.is_empty()
            && self.contexts.is_empty()
            && self.current_context.is_none()
    }

    /// The files as a whole.
    pub(crate) fn place(&self) -> Place {
        Place::files(self.files.clone())
    }

    /// Adds what a file says that none before it has said.
    fn add(&mut self, path: &Path, bytes: &[u8]) -> Result<(), ClusterError> {
        let invalid = |reason: String| Place::file(path.to_owned()).invalid(reason);
        let mut file = File::parse(bytes).map_err(invalid)?;
        file.resolve(path.parent().unwrap_or(Path::new("")));
        add(&mut self.clusters, path, file.clusters, "clusters").map_err(invalid)?;
        add(&mut self.users, path, file.users, "users").map_err(invalid)?;
        add(&mut self.contexts, path, file.contexts, "contexts").map_err(invalid)?;
        if self.current_context.is_none() && !file.current_context.is_empty() {
            self.current_context = Some(file.current_context);
        }
        Ok(())
    }
}

fn add<T>(
    entries: &mut Entries<T>,
    path: &Path,
    named: Vec<NamedEntry<T>>,
    list: &str,
) -> Result<(), String> {
    let mut of_this_file = BTreeMap::new();
    for NamedEntry { name, value } in named {
        let entry = FileEntry {
            file: path.to_owned(),
            value,
        };
        if of_this_file.insert(name.clone(), entry).is_some() {
            let name = Printable::new(name);
            return Err(format!(
                "`{list}` has two entries of the name `{name}`: remove or rename one"
            ));
        }
    }
    for (name, entry) in of_this_file {
        entries.entry(name).or_insert(entry);
    }
    Ok(())
}

#[cfg(test)]
mod tests;
