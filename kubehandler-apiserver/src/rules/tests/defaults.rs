use super::*;

/// Returns a new object of a kind, with `spec` as its spec.
fn created(resource: &Resource, spec: &Value) -> Value {
    stored(resource, json!({"metadata": {"name": "a"}, "spec": spec}))
}

#[test]
fn pod_gets_what_it_leaves_out() {
    let limits = json!({"cpu": "1000m", "memory": "1024Mi"});
    let container = json!({"name": "m", "image": "i:1", "resources": {"limits": limits}});

    let pod = created(&pods(), &json!({"containers": [container]}));

    let spec = &pod["spec"];
    let container = &spec["containers"][0];
    let amounts = json!({"cpu": "1", "memory": "1Gi"});
    assert_eq!(container["imagePullPolicy"], "IfNotPresent");
    assert_eq!(
        container["resources"],
        json!({"limits": amounts, "requests": amounts})
    );
    assert_eq!(spec["restartPolicy"], "Always");
    assert_eq!(spec["priority"], 0);
    assert_eq!(spec["tolerations"].as_array().map(Vec::len), Some(2));
    assert_eq!(pod["status"]["qosClass"], "Guaranteed");
}

#[test]
fn deployment_that_leaves_out_its_defaults_again_does_not_change() {
    let containers = json!([{"name": "c", "image": "i"}]);
    let template = json!({"metadata": {"labels": {"a": "b"}}, "spec": {"containers": containers}});
    let spec = json!({"selector": {"matchLabels": {"a": "b"}}, "template": template});

    let deployment = created(&deployments(), &spec);
    let again = body(&json!({"metadata": {"name": "a"}, "spec": spec}));
    let updated = write(&deployments(), "a").replace(Some(&deployment), again);

    assert_eq!(deployment["spec"]["replicas"], 1);
    assert_eq!(
        deployment["spec"]["strategy"]["rollingUpdate"]["maxSurge"],
        "25%"
    );
    assert_eq!(updated, Ok(Updated::Unchanged));
}

#[test]
fn pods_of_a_job_are_found_by_its_uid() {
    let jobs = resource("batch", "jobs", "Job");

    let job = created(&jobs, &json!({"template": {"spec": {"containers": []}}}));

    let uid = &job["metadata"]["uid"];
    let label = "batch.kubernetes.io/controller-uid";
    assert_eq!(&job["spec"]["selector"]["matchLabels"][label], uid);
    assert_eq!(&job["spec"]["template"]["metadata"]["labels"][label], uid);
    assert_eq!(&job["metadata"]["labels"][label], uid);
    assert_eq!(job["spec"]["backoffLimit"], 6);
}

#[test]
fn daemon_set_counts_the_changes_of_its_template() {
    let sets = resource("apps", "daemonsets", "DaemonSet");
    let generation = |set: &Value| {
        let annotations = &set["metadata"]["annotations"];
        annotations["deprecated.daemonset.template.generation"].clone()
    };

    let set = created(&sets, &json!({"template": {"spec": {"containers": []}}}));
    let patch = merge(&json!({"spec": {"template": {"spec": {"nodeName": "n"}}}}));
    let changed = put(write(&sets, "a").patch(Some(&set), &patch));

    assert_eq!(
        (generation(&set), generation(&changed)),
        (json!("1"), json!("2"))
    );
}
