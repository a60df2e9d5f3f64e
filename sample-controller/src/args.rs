//! The command line.

use std::{num::NonZeroUsize, path::PathBuf, time::Duration};

use clap::{Parser, ValueEnum};
use kubehandler::{
    Cluster, Filter,
    logging::{Format, LogGuard, Logging, Stream},
};

use crate::cluster::{ClusterKind, find};

const EXIT_CODES: &str = "\
Exit codes:
  0  told to stop (SIGINT, SIGTERM), and every running callback finished
  1  failed for another reason; the last line of the log says which
  2  wrong arguments
  3  no cluster: the kubeconfig or the service account is missing or not valid
  4  the pods could not be listed within the sync timeout
  5  callbacks were still running at the drain deadline

RUST_LOG sets what is logged, such as RUST_LOG=kubehandler=debug,info.";

/// Logs every pod that comes, changes and goes.
#[derive(Clone, Debug, Parser)]
#[command(version, after_help = EXIT_CODES)]
pub(crate) struct Args {
    /// Which cluster to use; an embedded one needs nothing, and is what `auto` falls back to
    #[arg(long, value_enum, default_value_t)]
    cluster: ClusterKind,

    /// The kubeconfig file; by default $KUBECONFIG or ~/.kube/config
    #[arg(long, value_name = "FILE")]
    kubeconfig: Option<PathBuf>,

    /// The context of the kubeconfig to use; by default its current one
    #[arg(long, value_name = "NAME")]
    context: Option<String>,

    /// Log only the pods of this namespace
    #[arg(short, long, value_name = "NAME")]
    namespace: Option<String>,

    /// Log only the pods that match this label selector, such as app=web,tier!=test
    #[arg(short = 'l', long, value_name = "LABELS")]
    selector: Option<String>,

    /// Log only the pods that match this field selector, such as spec.nodeName=node-1
    #[arg(long, value_name = "FIELDS")]
    field_selector: Option<String>,

    /// How many callbacks run at once
    #[arg(long, value_name = "N", default_value = "16")]
    pub(crate) workers: NonZeroUsize,

    /// How long to wait for the first list of pods, such as 30s or 2m
    #[arg(long, value_name = "TIME", default_value = "2m", value_parser = duration)]
    pub(crate) sync_timeout: Duration,

    /// How long running callbacks may take to finish when told to stop, such as 25s
    #[arg(long, value_name = "TIME", default_value = "25s", value_parser = duration)]
    pub(crate) drain_timeout: Duration,

    /// How to log; by default text
    #[arg(long, value_enum, default_value_t)]
    log_format: LogFormat,
}

#[derive(Clone, Copy, Debug, Default, ValueEnum)]
enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// One JSON object a line, for programs.
    Json,
}

impl Args {
    /// Starts logging to standard output, until what is returned is dropped.
    pub(crate) fn start_logging(&self) -> LogGuard {
        let log = Logging::new().stream(Stream::Stdout);
        match self.log_format {
            LogFormat::Text => log.without_targets().init(),
            LogFormat::Json => log.format(Format::Json).init(),
        }
    }

    /// Returns which pods to log.
    pub(crate) fn filter(&self) -> Filter {
        let mut filter = Filter::default();
        if let Some(namespace) = &self.namespace {
            filter = filter.namespace(namespace);
        }
        if let Some(selector) = &self.selector {
            filter = filter.labels(selector);
        }
        if let Some(selector) = &self.field_selector {
            filter = filter.fields(selector);
        }
        filter
    }

    /// Finds the cluster.
    pub(crate) fn cluster(&self) -> anyhow::Result<Cluster> {
        find(self.cluster, self.kubeconfig.clone(), self.context.clone())
    }
}

/// A number with ms, s, m or h.
fn duration(text: &str) -> Result<Duration, String> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let millis = match &text[digits.len()..] {
        "ms" => Some(1),
        "s" => Some(1_000),
        "m" => Some(60_000),
        "h" => Some(3_600_000),
        _ => None,
    };
    let number = digits.parse::<u64>().ok();
    millis
        .zip(number)
        .and_then(|(millis, number)| number.checked_mul(millis))
        .map(Duration::from_millis)
        .ok_or_else(|| "write a number with ms, s, m or h, such as 30s".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn command_line_is_consistent() {
        use clap::CommandFactory;

        Args::command().debug_assert();
    }

    #[test]
    fn duration_needs_a_number_and_a_unit() {
        assert_eq!(duration("250ms"), Ok(Duration::from_millis(250)));
        assert_eq!(duration("2m"), Ok(Duration::from_secs(120)));
        for wrong in ["", "5", "s", "5 s", "-5s", "99999999999999999h"] {
            assert!(duration(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn filter_holds_what_the_flags_say() {
        let args = Args::parse_from(["sample", "-n", "web", "--selector", "app=a"]);

        assert_eq!(
            args.filter(),
            Filter::default().namespace("web").labels("app=a")
        );
    }
}
