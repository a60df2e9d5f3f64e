//! Logs every pod that comes, changes and goes: the program to copy.

mod args;
mod cluster;
mod pod_logger;

use std::process::ExitCode;

use clap::Parser;
use kubehandler::{EventLoop, HandlerError, Printable, RunError};
use tracing::error;

use crate::{args::Args, pod_logger::PodLogger};

fn main() -> ExitCode {
    let args = Args::parse();
    let _log = args.start_logging();
    let cluster = match args.cluster() {
        Ok(cluster) => cluster,
        Err(error) => {
            report(error);
            return ExitCode::from(3);
        }
    };
    let result = EventLoop::new("sample-controller")
        .cluster(cluster)
        .workers(args.workers)
        .drain_timeout(args.drain_timeout)
        .sync_timeout(args.sync_timeout)
        .register(PodLogger::new(args.filter()))
        .run_blocking();
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let code = exit_code(&error);
            report(error);
            code
        }
    }
}

/// Logs the error and its causes, joined by colons.
fn report(error: impl Into<HandlerError>) {
    // It may quote what a server said.
    error!("{}", Printable::new(error.into()).at_most(4096));
}

/// As `--help` lists them.
fn exit_code(error: &RunError) -> ExitCode {
    ExitCode::from(match error {
        RunError::Cluster(_) | RunError::Client(_) => 3,
        RunError::NotSynced(_) => 4,
        RunError::CutOff(_) => 5,
        _ => 1,
    })
}
