//! The defaults of a cron job, and what is wrong with one; the defaults of its jobs are filled in when
//! they are created.
//!
//! The five fields of a schedule are not read: a real server refuses one such as `61 * * * *`.
//!
//! Source: `validateCronJobSpec` in `k8s.io/kubernetes/pkg/apis/batch/validation/validation.go`.

use serde_json::{Value, json};

use super::jobs;
use crate::{
    failure::Cause,
    kinds::{
        defaults::{self, default_text, part},
        pod_spec, workload,
    },
    object,
};

const POLICIES: [&str; 3] = ["Allow", "Forbid", "Replace"];

pub(super) fn default(job: &mut Value) {
    let Some(spec) = defaults::spec(job) else {
        return;
    };
    default_text(spec, "concurrencyPolicy", "Allow");
    defaults::default(spec, "suspend", false);
    defaults::default(spec, "successfulJobsHistoryLimit", 3);
    defaults::default(spec, "failedJobsHistoryLimit", 1);
    if let Some(template) = part(spec, "jobTemplate") {
        defaults::default(template, "metadata", json!({}));
        if let Some(spec) = part(template, "spec") {
            pod_spec::default_template(spec);
        }
    }
}

pub(super) fn wrong(job: &Value) -> Vec<Cause> {
    let mut causes = Vec::new();
    if object::text_at(job, "spec.schedule").is_empty() {
        causes.push(Cause::required("spec.schedule", ""));
    }
    causes.extend(workload::wrong_numbers(
        job,
        &["spec.startingDeadlineSeconds"],
    ));
    let policy = object::text_at(job, "spec.concurrencyPolicy");
    if !policy.is_empty() && !POLICIES.contains(&policy) {
        let field = "spec.concurrencyPolicy";
        causes.push(Cause::not_supported(field, policy, &POLICIES));
    }
    causes.extend(jobs::wrong_spec(job, "spec.jobTemplate.spec"));
    if let Some(selector) = object::at(job, "spec.jobTemplate.spec.selector") {
        let field = "spec.jobTemplate.spec.selector";
        let detail = "`selector` will be auto-generated";
        causes.push(Cause::invalid(field, selector.clone(), detail));
    }
    let limits = [
        "spec.successfulJobsHistoryLimit",
        "spec.failedJobsHistoryLimit",
    ];
    causes.extend(workload::wrong_numbers(job, &limits));
    causes
}
