//! Logs every pod that comes, changes and goes: the program to copy.

mod args;
mod pod_logger;

use std::{error::Error, process::ExitCode};

use clap::Parser;
use kubehandler::{EventLoop, RunError};
use tracing::error;

use crate::{args::Args, pod_logger::PodLogger};

fn main() -> ExitCode {
    let args = Args::parse();
    args.start_logging();
    let result = EventLoop::new("sample-controller")
        .config_from(args.config())
        .workers(args.workers)
        .drain_timeout(args.drain_timeout)
        .sync_timeout(args.sync_timeout)
        .register(PodLogger::new(args.filter()))
        .run_blocking();
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            error!("{}", chain(&error));
            exit_code(&error)
        }
    }
}

/// The error and its causes, joined by colons.
fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}

/// As `--help` lists them.
fn exit_code(error: &RunError) -> ExitCode {
    ExitCode::from(match error {
        RunError::NoCluster(_) | RunError::Client(_) => 3,
        RunError::NotSynced(_) => 4,
        RunError::CutOff(_) => 5,
        _ => 1,
    })
}
