//! Prints the public interface that a rustdoc JSON file describes, an item a line.

use std::{env, process::ExitCode};

use anyhow::{Context, Result};

fn main() -> Result<ExitCode> {
    let file = env::args_os()
        .nth(1)
        .context("name a rustdoc JSON file")?;
    let interface = public_api::Builder::from_rustdoc_json(&file)
        .omit_blanket_impls(true)
        .omit_auto_trait_impls(true)
        .build()
        .with_context(|| file.display().to_string())?;

    for item in interface.items() {
        println!("{item}");
    }
    let missing: Vec<_> = interface.missing_item_ids().collect();
    if missing.is_empty() {
        return Ok(ExitCode::SUCCESS);
    }
    eprintln!("{} items are missing in {}", missing.len(), file.display());
    Ok(ExitCode::FAILURE)
}
