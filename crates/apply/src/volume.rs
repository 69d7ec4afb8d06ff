//! What is special about volumes: their place is settled for good, they are kept for one claim, and remember it by its
//! identity when it is gone. Deciding is pure, from the volume as the cluster has it and as the fleet says.

use crate::client::{AskError, Cluster, How};
use crate::owners::taken_over;
use crate::plan::What;
use cluster::{Key, Object};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Value, json};
use std::fmt;

/// A claim that is gone, and that its volume remembers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct FormerClaim {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// Its identity, which no other claim has.
    pub uid: String,
}

impl fmt::Display for FormerClaim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{} (uid {})", self.namespace, self.name, self.uid)
    }
}

fn text<'a>(object: &'a Value, pointer: &str) -> Option<&'a str> {
    object.pointer(pointer).and_then(Value::as_str).filter(|text| !text.is_empty())
}

/// The claim that is gone and that the volume remembers, where the fleet declares the volume for a claim of the same name.
/// The controller of volumes binds a volume to the claim with the identity that it remembers and to no other, and says
/// `Released` once that claim is gone (Kubernetes documentation, "Persistent Volumes", phase).
pub(crate) fn former_claim(live: &Value, declared: &Value) -> Option<FormerClaim> {
    if live["kind"] != "PersistentVolume" || live["status"]["phase"] != "Released" {
        return None;
    }
    let (namespace, name) = (text(live, "/spec/claimRef/namespace")?, text(live, "/spec/claimRef/name")?);
    let same = |pointer: &str, is: &str| text(declared, pointer) == Some(is);
    let declared = same("/spec/claimRef/namespace", namespace) && same("/spec/claimRef/name", name);
    let uid = text(live, "/spec/claimRef/uid").filter(|_| declared)?;
    Some(FormerClaim { namespace: namespace.to_owned(), name: name.to_owned(), uid: uid.to_owned() })
}

/// The patch by which a volume forgets its former claim (RFC 7396): for this version of the volume alone, so that a claim
/// which was bound in the meantime stays bound.
fn forget(live: &Value) -> Value {
    json!({
        "metadata": { "resourceVersion": live["metadata"]["resourceVersion"] },
        "spec": { "claimRef": { "uid": null, "resourceVersion": null } },
    })
}

/// Why the server refuses the volume: it would lie elsewhere than it does.
pub(crate) fn moved(live: &Value, declared: &Value) -> Option<String> {
    let place = |volume: &Value| {
        let machine = text(volume, "/spec/nodeAffinity/required/nodeSelectorTerms/0/matchExpressions/0/values/0")?;
        Some(format!("{} on {machine}", text(volume, "/spec/local/path")?))
    };
    let (was, is) = (place(live)?, place(declared)?);
    if live["kind"] != "PersistentVolume" || was == is {
        return None;
    }
    Some(format!(
        "it lies in {was}, and the fleet says {is}: a volume never changes its place, and its data would not follow; put \
         `machine` and `volume` back in the fleet file, or move it by the steps of docs/shares.md, \"Moving a share\", or of \
         docs/monitoring.md, \"Moving it\""
    ))
}

/// The volume that a claim names.
pub(crate) fn of_claim(claim: &Value) -> Option<Key> {
    let name = text(claim, "/spec/volumeName").filter(|_| claim["kind"] == "PersistentVolumeClaim")?;
    Some(Key { api_version: "v1".into(), kind: "PersistentVolume".into(), namespace: None, name: name.into() })
}

impl Cluster {
    /// Applies the object, once what k3s has set of it is homehive's, and does what was planned beside that: a volume forgets
    /// its former claim.
    ///
    /// # Errors
    /// The server refuses it, or does not answer.
    pub(crate) async fn put(&self, object: &Object, force: bool, what: &What) -> Result<(), AskError> {
        if matches!(what, What::Change { .. } | What::Unknown { .. })
            && let Some(live) = self.get(&object.key()).await?
            && let Some(managers) = taken_over(&live)
        {
            let version = &live["metadata"]["resourceVersion"];
            let change = json!({ "metadata": { "resourceVersion": version, "managedFields": managers } });
            self.merge(&object.key(), &change).await?;
        }
        let live = self.apply(object, How { dry: false, force }).await?;
        if let What::Change { freed: Some(freed), .. } = what
            && former_claim(&live, object.value()).as_ref() == Some(freed)
        {
            self.merge(&object.key(), &forget(&live)).await?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::{forget, former_claim, moved};
    use serde_json::{Value, json};

    fn volume(phase: &str, path: &str, machine: &str, reference: &Value) -> Value {
        let here = json!([{ "matchExpressions": [{ "key": "kubernetes.io/hostname", "operator": "In", "values": [machine] }] }]);
        json!({ "apiVersion": "v1", "kind": "PersistentVolume", "metadata": { "name": "share-a", "resourceVersion": "7" },
            "spec": { "claimRef": reference, "local": { "path": path },
                "nodeAffinity": { "required": { "nodeSelectorTerms": here } } },
            "status": { "phase": phase } })
    }

    fn reference(name: &str, uid: &str) -> Value {
        json!({ "kind": "PersistentVolumeClaim", "namespace": "samba", "name": name, "uid": uid })
    }

    #[test]
    fn a_claim_that_is_gone_is_known() {
        let declared = volume("", "/a", "nas", &json!({ "namespace": "samba", "name": "a" }));
        let released = volume("Released", "/a", "nas", &reference("a", "1"));
        for (case, live, wanted) in [
            ("gone", released.clone(), Some("samba/a (uid 1)")),
            ("bound", volume("Bound", "/a", "nas", &reference("a", "1")), None),
            ("of another name", volume("Released", "/a", "nas", &reference("b", "1")), None),
            ("forgotten already", volume("Released", "/a", "nas", &reference("a", "")), None),
            ("never bound", volume("Available", "/a", "nas", &json!({ "namespace": "samba", "name": "a" })), None),
        ] {
            assert_eq!(former_claim(&live, &declared).map(|it| it.to_string()).as_deref(), wanted, "{case}");
        }
        assert_eq!(forget(&released)["metadata"]["resourceVersion"], "7");
        assert_eq!(forget(&released)["spec"], json!({ "claimRef": { "uid": null, "resourceVersion": null } }));
    }

    #[test]
    fn a_move_is_told_from_other_refusals() {
        let live = volume("Bound", "/data/a", "nas", &reference("a", "1"));
        let told = |path: &str, machine: &str| moved(&live, &volume("", path, machine, &Value::Null));
        assert!(
            told("/data/a", "worker")
                .unwrap()
                .contains("it lies in /data/a on nas, and the fleet says /data/a on worker")
        );
        assert!(told("/disk/a", "nas").unwrap().contains("docs/shares.md"));
        assert_eq!(told("/data/a", "nas"), None);
    }
}
