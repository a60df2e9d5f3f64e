//! Reviews: questions that are answered and not kept. Everybody may do everything here, and is told so.
//!
//! Source: `k8s.io/kubernetes/pkg/registry/{authentication,authorization}`.

use http::StatusCode;
use serde_json::{Value, json};

use super::Call;
use crate::{
    engine::Engine,
    failure::{Cause, Failure},
    group::GroupResource,
    kinds::Resource,
    object,
    wire::{
        options::WriteOptions,
        reply::{self, Reply},
    },
};

/// The plurals of the kinds that are asked.
const REVIEWS: [&str; 6] = [
    "localsubjectaccessreviews",
    "selfsubjectaccessreviews",
    "selfsubjectrulesreviews",
    "selfsubjectreviews",
    "subjectaccessreviews",
    "tokenreviews",
];

/// Returns true for a kind that is asked.
pub(super) fn is_review(resource: &Resource) -> bool {
    let group = &*resource.group;
    matches!(group, "authentication.k8s.io" | "authorization.k8s.io")
        && REVIEWS.contains(&&*resource.plural)
}

impl Call<'_> {
    /// Answers a POST of a review.
    pub(super) fn review(&self, engine: &Engine) -> Result<Reply, Failure> {
        let body = self.body()?;
        WriteOptions::create(&self.request.query)?;
        let moment = self.moment(&mut engine.cluster());
        let write = self.write(&moment);
        let mut review = write.decode(body)?;
        write.place(&mut review)?;
        let status = self.answer_of(&review)?;
        write.manage(None, &mut review);
        object::set_field(&mut review, "status", Some(status));
        Ok(reply::value(StatusCode::CREATED, &review))
    }

    /// Returns the status of a review.
    fn answer_of(&self, review: &Value) -> Result<Value, Failure> {
        let user = json!({
            "username": "kubernetes-admin",
            "groups": ["system:masters", "system:authenticated"],
        });
        match &*self.resource.plural {
            "selfsubjectreviews" => Ok(json!({ "userInfo": user })),
            "tokenreviews" => {
                if object::text(review, &["spec", "token"]).is_empty() {
                    let why = "token is required for TokenReview in authentication";
                    return Err(Failure::bad_request(why));
                }
                Ok(json!({ "authenticated": true, "user": user }))
            }
            "selfsubjectrulesreviews" => {
                if object::text(review, &["spec", "namespace"]).is_empty() {
                    return Err(Failure::bad_request("no namespace on request"));
                }
                let resources = json!({ "verbs": ["*"], "apiGroups": ["*"], "resources": ["*"] });
                Ok(json!({
                    "resourceRules": [resources],
                    "nonResourceRules": [{ "verbs": ["*"], "nonResourceURLs": ["*"] }],
                    "incomplete": false,
                }))
            }
            _ => {
                self.check_access(review)?;
                Ok(json!({ "allowed": true }))
            }
        }
    }

    /// Succeeds if a review asks who may do what.
    fn check_access(&self, review: &Value) -> Result<(), Failure> {
        let mut causes = Vec::new();
        let spec = &review["spec"];
        let is_there = |field: &str| spec.get(field).is_some();
        if is_there("resourceAttributes") == is_there("nonResourceAttributes") {
            let detail =
                "exactly one of nonResourceAttributes or resourceAttributes must be specified";
            causes.push(Cause::invalid("spec", Value::Null, detail));
        }
        let is_self = self.resource.plural.starts_with("self");
        let has_groups = spec["groups"]
            .as_array()
            .is_some_and(|list| !list.is_empty());
        if !is_self && object::text(spec, &["user"]).is_empty() && !has_groups {
            let detail = "at least one of user or group must be specified";
            causes.push(Cause::invalid("spec.user", "", detail));
        }
        if causes.is_empty() {
            return Ok(());
        }
        let kind = GroupResource::new(&self.resource.group, &self.version.kind);
        Err(Failure::invalid(kind, "", causes))
    }
}
