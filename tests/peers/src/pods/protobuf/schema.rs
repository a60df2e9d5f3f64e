//! The messages of a pod and their fields, as far as the load has them.
//!
//! Names and numbers are those of `k8s.io/api/core/v1/generated.proto` and of the files that it
//! imports, for Kubernetes 1.37. A field that Go keeps by value, not by pointer, is always sent, even
//! when it is empty. Fields are sent in the order of their numbers.

use self::Kind::{Embedded, Flag, Json, Map, Message, Number, Port, Quantity, Text, Time};

/// A field of a message.
#[derive(Debug)]
pub(super) struct Member {
    pub(super) number: u32,
    /// Its name in JSON; an embedded message has none.
    pub(super) name: &'static str,
    pub(super) kind: Kind,
    pub(super) always: bool,
}

/// How a field is written.
#[derive(Clone, Copy, Debug)]
pub(super) enum Kind {
    Text,
    Number,
    Flag,
    /// A message of seconds and nanoseconds; JSON has text.
    Time,
    /// A message of one text.
    Quantity,
    /// `IntOrString`, of which the load has the text only.
    Port,
    /// `FieldsV1`: a message of the JSON as it is.
    Json,
    /// Entries whose keys are text.
    Map(&'static Kind),
    Message(&'static [Member]),
    /// A message whose fields JSON has one level higher.
    Embedded(&'static [Member]),
}

const fn always(number: u32, name: &'static str, kind: Kind) -> Member {
    Member {
        number,
        name,
        kind,
        always: true,
    }
}

const fn given(number: u32, name: &'static str, kind: Kind) -> Member {
    Member {
        number,
        name,
        kind,
        always: false,
    }
}

pub(super) const POD: &[Member] = &[
    always(1, "metadata", Message(OBJECT_META)),
    always(2, "spec", Message(POD_SPEC)),
    always(3, "status", Message(POD_STATUS)),
];

pub(super) const LIST_META: &[Member] = &[
    always(1, "selfLink", Text),
    always(2, "resourceVersion", Text),
    always(3, "continue", Text),
    given(4, "remainingItemCount", Number),
];

pub(super) const STATUS: &[Member] = &[
    always(1, "metadata", Message(LIST_META)),
    always(2, "status", Text),
    always(3, "message", Text),
    always(4, "reason", Text),
    always(6, "code", Number),
];

const OBJECT_META: &[Member] = &[
    always(1, "name", Text),
    always(2, "generateName", Text),
    always(3, "namespace", Text),
    always(4, "selfLink", Text),
    always(5, "uid", Text),
    always(6, "resourceVersion", Text),
    always(7, "generation", Number),
    always(8, "creationTimestamp", Time),
    given(11, "labels", Map(&Text)),
    given(12, "annotations", Map(&Text)),
    given(13, "ownerReferences", Message(OWNER_REFERENCE)),
    given(17, "managedFields", Message(MANAGED_FIELDS_ENTRY)),
];

const OWNER_REFERENCE: &[Member] = &[
    always(1, "kind", Text),
    always(3, "name", Text),
    always(4, "uid", Text),
    always(5, "apiVersion", Text),
    given(6, "controller", Flag),
    given(7, "blockOwnerDeletion", Flag),
];

const MANAGED_FIELDS_ENTRY: &[Member] = &[
    always(1, "manager", Text),
    always(2, "operation", Text),
    always(3, "apiVersion", Text),
    given(4, "time", Time),
    always(6, "fieldsType", Text),
    given(7, "fieldsV1", Json),
    always(8, "subresource", Text),
];

const POD_SPEC: &[Member] = &[
    given(1, "volumes", Message(VOLUME)),
    given(2, "containers", Message(CONTAINER)),
    always(3, "restartPolicy", Text),
    given(4, "terminationGracePeriodSeconds", Number),
    always(6, "dnsPolicy", Text),
    always(8, "serviceAccountName", Text),
    always(9, "serviceAccount", Text),
    always(10, "nodeName", Text),
    always(11, "hostNetwork", Flag),
    always(12, "hostPID", Flag),
    always(13, "hostIPC", Flag),
    given(14, "securityContext", Message(POD_SECURITY_CONTEXT)),
    always(16, "hostname", Text),
    always(17, "subdomain", Text),
    always(19, "schedulerName", Text),
    given(22, "tolerations", Message(TOLERATION)),
    always(24, "priorityClassName", Text),
    given(25, "priority", Number),
    given(30, "enableServiceLinks", Flag),
];

const VOLUME: &[Member] = &[
    always(1, "name", Text),
    always(2, "", Embedded(VOLUME_SOURCE)),
];

const VOLUME_SOURCE: &[Member] = &[
    given(19, "configMap", Message(CONFIG_MAP_VOLUME_SOURCE)),
    given(26, "projected", Message(PROJECTED_VOLUME_SOURCE)),
];

const CONFIG_MAP_VOLUME_SOURCE: &[Member] = &[
    always(1, "", Embedded(LOCAL_OBJECT_REFERENCE)),
    given(2, "items", Message(KEY_TO_PATH)),
    given(3, "defaultMode", Number),
];

const LOCAL_OBJECT_REFERENCE: &[Member] = &[always(1, "name", Text)];

const KEY_TO_PATH: &[Member] = &[always(1, "key", Text), always(2, "path", Text)];

const PROJECTED_VOLUME_SOURCE: &[Member] = &[
    given(1, "sources", Message(VOLUME_PROJECTION)),
    given(2, "defaultMode", Number),
];

const VOLUME_PROJECTION: &[Member] = &[
    given(2, "downwardAPI", Message(DOWNWARD_API_PROJECTION)),
    given(3, "configMap", Message(CONFIG_MAP_PROJECTION)),
    given(
        4,
        "serviceAccountToken",
        Message(SERVICE_ACCOUNT_TOKEN_PROJECTION),
    ),
];

const DOWNWARD_API_PROJECTION: &[Member] = &[given(1, "items", Message(DOWNWARD_API_VOLUME_FILE))];

const DOWNWARD_API_VOLUME_FILE: &[Member] = &[
    always(1, "path", Text),
    given(2, "fieldRef", Message(OBJECT_FIELD_SELECTOR)),
];

const OBJECT_FIELD_SELECTOR: &[Member] =
    &[always(1, "apiVersion", Text), always(2, "fieldPath", Text)];

const CONFIG_MAP_PROJECTION: &[Member] = &[
    always(1, "", Embedded(LOCAL_OBJECT_REFERENCE)),
    given(2, "items", Message(KEY_TO_PATH)),
];

const SERVICE_ACCOUNT_TOKEN_PROJECTION: &[Member] = &[
    always(1, "audience", Text),
    given(2, "expirationSeconds", Number),
    always(3, "path", Text),
];

const CONTAINER: &[Member] = &[
    always(1, "name", Text),
    always(2, "image", Text),
    always(5, "workingDir", Text),
    given(6, "ports", Message(CONTAINER_PORT)),
    given(7, "env", Message(ENV_VAR)),
    always(8, "resources", Message(RESOURCE_REQUIREMENTS)),
    given(9, "volumeMounts", Message(VOLUME_MOUNT)),
    given(10, "livenessProbe", Message(PROBE)),
    given(11, "readinessProbe", Message(PROBE)),
    always(13, "terminationMessagePath", Text),
    always(14, "imagePullPolicy", Text),
    given(15, "securityContext", Message(SECURITY_CONTEXT)),
    always(16, "stdin", Flag),
    always(17, "stdinOnce", Flag),
    always(18, "tty", Flag),
    always(20, "terminationMessagePolicy", Text),
];

const CONTAINER_PORT: &[Member] = &[
    always(1, "name", Text),
    always(2, "hostPort", Number),
    always(3, "containerPort", Number),
    always(4, "protocol", Text),
    always(5, "hostIP", Text),
];

const ENV_VAR: &[Member] = &[
    always(1, "name", Text),
    always(2, "value", Text),
    given(3, "valueFrom", Message(ENV_VAR_SOURCE)),
];

const ENV_VAR_SOURCE: &[Member] = &[given(1, "fieldRef", Message(OBJECT_FIELD_SELECTOR))];

const RESOURCE_REQUIREMENTS: &[Member] = &[
    given(1, "limits", Map(&Quantity)),
    given(2, "requests", Map(&Quantity)),
];

const VOLUME_MOUNT: &[Member] = &[
    always(1, "name", Text),
    always(2, "readOnly", Flag),
    always(3, "mountPath", Text),
    always(4, "subPath", Text),
    always(6, "subPathExpr", Text),
];

const PROBE: &[Member] = &[
    always(1, "", Embedded(PROBE_HANDLER)),
    always(2, "initialDelaySeconds", Number),
    always(3, "timeoutSeconds", Number),
    always(4, "periodSeconds", Number),
    always(5, "successThreshold", Number),
    always(6, "failureThreshold", Number),
];

const PROBE_HANDLER: &[Member] = &[given(2, "httpGet", Message(HTTP_GET_ACTION))];

const HTTP_GET_ACTION: &[Member] = &[
    always(1, "path", Text),
    given(2, "port", Port),
    always(3, "host", Text),
    always(4, "scheme", Text),
];

const SECURITY_CONTEXT: &[Member] = &[
    given(5, "runAsNonRoot", Flag),
    given(7, "allowPrivilegeEscalation", Flag),
];

const POD_SECURITY_CONTEXT: &[Member] =
    &[given(2, "runAsUser", Number), given(5, "fsGroup", Number)];

const TOLERATION: &[Member] = &[
    always(1, "key", Text),
    always(2, "operator", Text),
    always(3, "value", Text),
    always(4, "effect", Text),
    given(5, "tolerationSeconds", Number),
];

const POD_STATUS: &[Member] = &[
    always(1, "phase", Text),
    given(2, "conditions", Message(POD_CONDITION)),
    always(3, "message", Text),
    always(4, "reason", Text),
    always(5, "hostIP", Text),
    always(6, "podIP", Text),
    given(7, "startTime", Time),
    given(8, "containerStatuses", Message(CONTAINER_STATUS)),
    always(9, "qosClass", Text),
    always(11, "nominatedNodeName", Text),
    given(12, "podIPs", Message(POD_IP)),
    always(14, "resize", Text),
    given(16, "hostIPs", Message(POD_IP)),
    always(17, "observedGeneration", Number),
];

const POD_CONDITION: &[Member] = &[
    always(1, "type", Text),
    always(2, "status", Text),
    always(3, "lastProbeTime", Time),
    always(4, "lastTransitionTime", Time),
    always(5, "reason", Text),
    always(6, "message", Text),
    always(7, "observedGeneration", Number),
];

/// `HostIP` is the same.
const POD_IP: &[Member] = &[always(1, "ip", Text)];

const CONTAINER_STATUS: &[Member] = &[
    always(1, "name", Text),
    always(2, "state", Message(CONTAINER_STATE)),
    always(3, "lastState", Message(CONTAINER_STATE)),
    always(4, "ready", Flag),
    always(5, "restartCount", Number),
    always(6, "image", Text),
    always(7, "imageID", Text),
    always(8, "containerID", Text),
    given(9, "started", Flag),
];

const CONTAINER_STATE: &[Member] = &[given(2, "running", Message(CONTAINER_STATE_RUNNING))];

const CONTAINER_STATE_RUNNING: &[Member] = &[always(1, "startedAt", Time)];
