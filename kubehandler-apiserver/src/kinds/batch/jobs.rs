//! Jobs: their pods are found by labels that the server makes.
//!
//! Source: `SetDefaults_Job` in `k8s.io/kubernetes/pkg/apis/batch/v1/defaults.go`, and
//! `k8s.io/kubernetes/pkg/registry/batch/job/strategy.go`.

use serde_json::{Value, json};

use crate::{
    failure::Cause,
    kinds::{
        defaults::{self, Fields, default_text, items, label_as_template, made, part},
        pod_spec,
        strategy::{Dependents, Strategy, immutable},
        workload,
    },
    object,
};

const CONTROLLER_UID: &str = "batch.kubernetes.io/controller-uid";
const JOB_NAME: &str = "batch.kubernetes.io/job-name";

/// What cannot be changed. The template is left out: what may change in it depends on whether the
/// job is suspended.
const IMMUTABLE: [&str; 6] = [
    "spec.selector",
    "spec.completionMode",
    "spec.podFailurePolicy",
    "spec.backoffLimitPerIndex",
    "spec.managedBy",
    "spec.successPolicy",
];

#[derive(Debug)]
pub(super) struct Jobs;

impl Strategy for Jobs {
    fn default(&self, job: &mut Value) {
        if let Some(spec) = defaults::spec(job) {
            default_spec(spec);
            label_as_template(job);
        }
    }

    fn prepare_new(&self, job: &mut Value) {
        // A job that has the labels of its template also has those that are made for its pods.
        let of_template = object::field(job, &["spec", "template", "metadata", "labels"]);
        if of_template.is_some() && of_template == object::meta(job, "labels") {
            object::set_meta(job, "labels", Value::Null);
        }
        let (uid, name) = (object::uid(job).to_owned(), object::name(job).to_owned());
        if let Some(spec) = defaults::spec(job) {
            let is_manual = spec.get("manualSelector") == Some(&json!(true));
            if !is_manual {
                select_own_pods(spec, &uid, &name);
            }
        }
        label_as_template(job);
    }

    fn wrong_new(&self, job: &Value) -> Vec<Cause> {
        let mut causes = wrong_spec(job, "spec");
        causes.extend(workload::wrong_labels(job));
        causes
    }

    fn wrong_change(&self, old: &Value, new: &Value) -> Vec<Cause> {
        let completions = wrong_completions(old, new).into_iter();
        let fixed = IMMUTABLE.iter();
        completions
            .chain(fixed.filter_map(|path| immutable(old, new, path)))
            .collect()
    }

    fn dependents(&self) -> Dependents {
        Dependents::Orphaned
    }
}

/// Returns what is wrong with the spec of a job, which stands at `path`: its pods must end.
pub(super) fn wrong_spec(object: &Value, path: &str) -> Vec<Cause> {
    let numbers = [
        "parallelism",
        "completions",
        "activeDeadlineSeconds",
        "backoffLimit",
        "ttlSecondsAfterFinished",
    ];
    let numbers = numbers.map(|number| format!("{path}.{number}"));
    let mut causes = workload::wrong_numbers(object, &numbers.each_ref().map(String::as_str));
    if object::text_at(object, &format!("{path}.completionMode")) == "Indexed"
        && object::at(object, &format!("{path}.completions")).is_none()
    {
        let detail = "when completion mode is Indexed";
        causes.push(Cause::required(format!("{path}.completions"), detail));
    }
    let pods = format!("{path}.template.spec");
    causes.extend(pod_spec::wrong_spec(object::at(object, &pods), &pods));
    let field = format!("{pods}.restartPolicy");
    match object::text_at(object, &field) {
        "OnFailure" | "Never" => {}
        "" | "Always" => {
            let detail = "valid values: \"OnFailure\", \"Never\"";
            causes.push(Cause::required(field, detail));
        }
        other => causes.push(Cause::not_supported(field, other, &["OnFailure", "Never"])),
    }
    causes
}

/// The completions of an indexed job change together with its parallelism, those of others never.
fn wrong_completions(old: &Value, new: &Value) -> Option<Cause> {
    const FIELD: &str = "spec.completions";
    let wrong = immutable(old, new, FIELD)?;
    if object::text(new, &["spec", "completionMode"]) != "Indexed" {
        return Some(wrong);
    }
    let of = |name: &str| object::field(new, &["spec", name]);
    let detail = "can only be modified in tandem with spec.parallelism";
    let shown = || of("completions").cloned().unwrap_or_default();
    (of("completions") != of("parallelism")).then(|| Cause::invalid(FIELD, shown(), detail))
}

fn default_spec(spec: &mut Fields) {
    if !spec.contains_key("parallelism") {
        defaults::default(spec, "completions", 1);
        defaults::default(spec, "parallelism", 1);
    }
    let retries = if spec.contains_key("backoffLimitPerIndex") {
        i64::from(i32::MAX)
    } else {
        6
    };
    defaults::default(spec, "backoffLimit", retries);
    default_text(spec, "completionMode", "NonIndexed");
    defaults::default(spec, "suspend", false);
    defaults::default(spec, "manualSelector", false);
    let replacement = if spec.contains_key("podFailurePolicy") {
        "Failed"
    } else {
        "TerminatingOrFailed"
    };
    default_text(spec, "podReplacementPolicy", replacement);
    if let Some(policy) = part(spec, "podFailurePolicy") {
        for rule in items(policy, "rules") {
            for condition in items(rule, "onPodConditions") {
                default_text(condition, "status", "True");
            }
        }
    }
    pod_spec::default_template(spec);
}

/// Gives the pods of a job labels of their own, and selects them by the job's uid.
fn select_own_pods(spec: &mut Fields, uid: &str, name: &str) {
    let labels = part(spec, "template")
        .and_then(|template| made(template, "metadata"))
        .and_then(|metadata| made(metadata, "labels"));
    if let Some(labels) = labels {
        for (label, value) in [
            (CONTROLLER_UID, uid),
            (JOB_NAME, name),
            ("controller-uid", uid),
            ("job-name", name),
        ] {
            defaults::default(labels, label, value);
        }
    }
    let selected = made(spec, "selector").and_then(|selector| made(selector, "matchLabels"));
    if let Some(selected) = selected {
        selected.insert(CONTROLLER_UID.to_owned(), json!(uid));
    }
}
