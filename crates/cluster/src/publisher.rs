//! What the share publisher may do in the cluster: watch the shares and their Services, in their namespace, and nothing else.

use crate::meta::named;
use crate::{Manifest, Object, ObjectError, Wave};
use k8s_openapi::api::core::v1::ServiceAccount;
use k8s_openapi::api::rbac::v1::{PolicyRule, Role, RoleBinding, RoleRef, Subject};

/// The account that the publisher is in the cluster, in the namespace of the shares.
pub const ACCOUNT: &str = "homehive-publisher";
pub use crate::namespaces::SAMBA as NAMESPACE;

/// The account and its rights.
///
/// # Errors
/// A mistake of ours.
pub fn manifest() -> Result<Manifest, ObjectError> {
    let metadata = || named(NAMESPACE, ACCOUNT);
    let account = ServiceAccount {
        metadata: metadata(),
        // No pod runs as this account.
        automount_service_account_token: Some(false),
        ..ServiceAccount::default()
    };
    let watch = |group: &str, kind: &str| PolicyRule {
        api_groups: Some(vec![group.to_owned()]),
        resources: Some(vec![kind.to_owned()]),
        verbs: ["get", "list", "watch"].map(str::to_owned).to_vec(),
        ..PolicyRule::default()
    };
    let role = Role {
        metadata: metadata(),
        rules: Some(vec![watch("", "services"), watch("samba-operator.samba.org", "smbshares")]),
    };
    let binding = RoleBinding {
        metadata: metadata(),
        role_ref: RoleRef {
            api_group: "rbac.authorization.k8s.io".to_owned(),
            kind: "Role".to_owned(),
            name: ACCOUNT.to_owned(),
        },
        subjects: Some(vec![Subject {
            kind: "ServiceAccount".to_owned(),
            name: ACCOUNT.to_owned(),
            namespace: Some(NAMESPACE.to_owned()),
            ..Subject::default()
        }]),
    };
    let objects = vec![Object::of(&account)?, Object::of(&role)?, Object::of(&binding)?];
    let head = "The account of the share publisher, which runs on the servers: it may watch the shares and their\n\
                Services, and nothing else.";
    Ok(Manifest { wave: Wave::Policies, name: "publisher".into(), head: head.into(), objects })
}

/// The publisher's way to the API: no secret stands in it, only where the token lies, which may be renewed at any time.
pub fn kubeconfig(server: &str, authority: &str, token_file: &str) -> String {
    format!(
        "apiVersion: v1\nkind: Config\ncurrent-context: publisher\n\
         clusters:\n  - name: home\n    cluster:\n      server: {server}\n      certificate-authority: {authority}\n\
         users:\n  - name: {ACCOUNT}\n    user:\n      tokenFile: {token_file}\n\
         contexts:\n  - name: publisher\n    context:\n      cluster: home\n      user: {ACCOUNT}\n"
    )
}

#[cfg(test)]
mod tests {
    use super::manifest;

    #[test]
    fn it_may_watch_two_kinds_and_do_nothing_else() {
        let manifest = manifest().unwrap();
        let roles: Vec<_> =
            manifest.objects.iter().map(crate::Object::value).filter(|it| it["kind"] == "Role").collect();
        let kinds: Vec<_> = roles[0]["rules"].as_array().unwrap().iter().map(|rule| &rule["resources"]).collect();
        assert_eq!(kinds, [&serde_json::json!(["services"]), &serde_json::json!(["smbshares"])]);
        for rule in roles[0]["rules"].as_array().unwrap() {
            assert_eq!(rule["verbs"], serde_json::json!(["get", "list", "watch"]));
        }
        assert_eq!((roles.len(), manifest.objects.len()), (1, 3), "an account, its rights, and that it has them");
    }
}
