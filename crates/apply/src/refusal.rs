//! What an API server answers instead of doing it, told apart. Pure: read from its answer.

use kube::core::Status;
use schemars::JsonSchema;
use serde::Serialize;
use std::fmt;

/// A field that somebody else has set, to something else.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
pub struct Conflict {
    /// The field, as the server writes it: `.spec.replicas`.
    pub field: String,
    /// Whose it is: the name of the other field manager.
    pub manager: String,
}

impl fmt::Display for Conflict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} is set by {}", self.field, self.manager)
    }
}

/// Why the server did not do it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// Somebody else has set these fields.
    Conflict(Vec<Conflict>),
    /// It or what it lies in is not there.
    Missing(String),
    /// It stays wrong however often it is sent.
    Wrong(String),
    /// It may be done later: a webhook does not answer, the server is busy.
    NotNow(String),
}

/// What a server says, with 500, of what passes: its webhooks or its store do not answer.
const PASSES: [&str; 3] = ["webhook", "etcdserver", "timed out"];

/// Reads the answer.
pub fn refusal(status: &Status) -> Refusal {
    let causes = status.details.iter().flat_map(|details| &details.causes);
    let conflicts: Vec<Conflict> =
        causes.filter(|cause| cause.reason == "FieldManagerConflict").map(conflict).collect();
    let message = status.message.clone();
    match status.code {
        409 if !conflicts.is_empty() => Refusal::Conflict(conflicts),
        404 => Refusal::Missing(message),
        // 409 else: it was changed in the meantime.
        409 | 429 | 501.. => Refusal::NotNow(message),
        // Servers say 500 of what passes, and of objects that they cannot read.
        500 if PASSES.iter().any(|word| message.contains(word)) => Refusal::NotNow(message),
        _ => Refusal::Wrong(message),
    }
}

/// `conflict with "kubectl-edit" using apps/v1 at 2026-…`
fn conflict(cause: &kube::core::response::StatusCause) -> Conflict {
    let manager = cause.message.split('"').nth(1).unwrap_or(&cause.message).to_owned();
    Conflict { field: cause.field.clone(), manager }
}

#[cfg(test)]
mod tests {
    use super::{Conflict, Refusal, refusal};
    use kube::core::Status;
    use serde_json::json;

    fn status(value: serde_json::Value) -> Status {
        serde_json::from_value(value).unwrap()
    }

    #[test]
    fn answers_are_told_apart() {
        let conflict = status(json!({
            "kind": "Status", "status": "Failure", "reason": "Conflict", "code": 409,
            "message": "Apply failed with 1 conflict: conflict with \"kubectl-edit\" using v1: .data.a",
            "details": { "causes": [{ "reason": "FieldManagerConflict",
                "message": "conflict with \"kubectl-edit\" using v1 at 2026-01-01T00:00:00Z", "field": ".data.a" }] }
        }));
        let expected = Conflict { field: ".data.a".into(), manager: "kubectl-edit".into() };
        assert_eq!(refusal(&conflict), Refusal::Conflict(vec![expected]));
        for (code, kind) in [
            (404, "missing"),
            (409, "later"),
            (422, "wrong"),
            (400, "wrong"),
            (403, "wrong"),
            (500, "wrong"),
            (503, "later"),
        ] {
            let found = match refusal(&status(json!({ "code": code, "message": "x", "reason": "" }))) {
                Refusal::Conflict(_) => "conflict",
                Refusal::Missing(_) => "missing",
                Refusal::Wrong(_) => "wrong",
                Refusal::NotNow(_) => "later",
            };
            assert_eq!(found, kind, "{code}");
        }
    }
}
