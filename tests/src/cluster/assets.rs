//! Where the programs of a real cluster are, and whether their absence is an error.

use std::{
    ffi::OsString,
    path::{Path, PathBuf},
};

use anyhow::{bail, ensure};

/// Names the folder of kube-apiserver, etcd and kubectl, as for envtest in Go.
const VARIABLE: &str = "KUBEBUILDER_ASSETS";

/// What to tell a person who has not set `VARIABLE`.
pub(super) const HOW_TO_SET: &str =
    "`KUBEBUILDER_ASSETS` is not set; `tests/cluster/build` makes the folder that it should name";

/// What a relative path in `VARIABLE` starts from.
const WORKSPACE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");

/// Returns the folder named by `KUBEBUILDER_ASSETS`, or `None` where a test may do without.
///
/// In CI (`CI` is set and not `false`) a missing variable is an error, so that the end-to-end tests
/// cannot be left out there unnoticed.
pub(super) fn find() -> anyhow::Result<Option<PathBuf>> {
    let is_ci = std::env::var_os("CI").is_some_and(|ci| !ci.is_empty() && ci != "false");
    let Some(folder) = folder(std::env::var_os(VARIABLE), is_ci)? else {
        return Ok(None);
    };
    // Cargo runs tests in their package's folder, but people write the path from the workspace's.
    let folder = Path::new(WORKSPACE).join(folder);
    check(&folder)?;
    Ok(Some(folder))
}

/// Returns the path of a program in the folder, or `None`, having said so, where there is no folder.
///
/// # Errors
///
/// Fails if the folder lacks the program, and in CI if the variable is unset.
pub(super) fn program(name: &str) -> anyhow::Result<Option<PathBuf>> {
    let Some(folder) = find()? else {
        say_skipped();
        return Ok(None);
    };
    has(&folder, name)?;
    Ok(Some(folder.join(name)))
}

/// Says that a test does not run.
#[expect(clippy::print_stderr, reason = "the test harness shows it")]
pub(super) fn say_skipped() {
    eprintln!("skipped: {HOW_TO_SET}");
}

fn folder(variable: Option<OsString>, is_ci: bool) -> anyhow::Result<Option<PathBuf>> {
    match variable.filter(|folder| !folder.is_empty()) {
        Some(folder) => Ok(Some(PathBuf::from(folder))),
        None if is_ci => {
            bail!("`{VARIABLE}` is not set, and `CI` is: end-to-end tests must run in CI")
        }
        None => Ok(None),
    }
}

fn check(folder: &Path) -> anyhow::Result<()> {
    let programs = ["kube-apiserver", "etcd", "kubectl"];
    programs.iter().try_for_each(|program| has(folder, program))
}

fn has(folder: &Path, program: &str) -> anyhow::Result<()> {
    ensure!(
        folder.join(program).is_file(),
        "`{}`, which `{VARIABLE}` names, has no `{program}`: build it with `tests/cluster/build`",
        folder.display()
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unset_variable_is_an_error_only_in_ci() {
        assert_eq!(folder(None, false).expect("not CI"), None);
        assert_eq!(folder(Some(OsString::new()), false).expect("not CI"), None);
        assert!(folder(None, true).is_err());
    }

    #[test]
    fn folder_without_the_programs_is_an_error() {
        let error = check(Path::new("/nowhere")).expect_err("no such folder");

        assert!(error.to_string().contains("kube-apiserver"), "{error}");
    }
}
