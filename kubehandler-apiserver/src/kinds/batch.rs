//! The kinds of the group `batch`.

mod cron_jobs;
mod jobs;

use crate::kinds::strategy::{PLAIN, Plain, Strategy};

static CRON_JOBS: Plain = Plain {
    defaults: cron_jobs::default,
    wrong: cron_jobs::wrong,
    ..Plain::DEFAULT
};

pub(super) fn strategy(plural: &str) -> &'static dyn Strategy {
    match plural {
        "cronjobs" => &CRON_JOBS,
        "jobs" => &jobs::Jobs,
        _ => &PLAIN,
    }
}
