//! A share as the cluster's object says it: its name for clients, what it is for, and which Service leads to it.

use k8s_openapi::NamespaceResourceScope;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::Resource;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::collections::BTreeMap;

/// As much of `SmbShare` (samba-operator.samba.org/v1alpha1) as publishing asks for.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
pub struct SmbShare {
    /// Its name and labels.
    #[serde(default)]
    pub metadata: ObjectMeta,
    /// What is wished.
    #[serde(default)]
    pub spec: Spec,
    /// What the operator made of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<Status>,
}

/// What is wished of a share.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Spec {
    /// Its name for clients; the object's if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub share_name: Option<String>,
    /// Options of Samba for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub custom_share_config: Option<CustomShareConfig>,
    /// Whether it has a server of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scaling: Option<Scaling>,
}

/// Options of Samba for a share.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
pub struct CustomShareConfig {
    /// By their names in smb.conf.
    #[serde(default)]
    pub configs: BTreeMap<String, String>,
}

/// Whether a share has a server of its own.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Scaling {
    /// `never` or `explicit`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group_mode: Option<String>,
    /// The group whose server it shares.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
}

/// What the operator made of a share.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Status {
    /// The server it belongs to; the Service is called so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub server_group: Option<String>,
}

impl Resource for SmbShare {
    type DynamicType = ();
    type Scope = NamespaceResourceScope;

    fn kind((): &()) -> Cow<'_, str> {
        "SmbShare".into()
    }

    fn group((): &()) -> Cow<'_, str> {
        "samba-operator.samba.org".into()
    }

    fn version((): &()) -> Cow<'_, str> {
        "v1alpha1".into()
    }

    fn plural((): &()) -> Cow<'_, str> {
        "smbshares".into()
    }

    fn meta(&self) -> &ObjectMeta {
        &self.metadata
    }

    fn meta_mut(&mut self) -> &mut ObjectMeta {
        &mut self.metadata
    }
}

/// What a share is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// Files.
    Storage,
    /// Backups of Macs.
    TimeMachine,
}

/// A share, as far as publishing goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Share {
    /// The object's namespace.
    pub namespace: String,
    /// The object's name.
    pub object: String,
    /// What clients call it: `smb://…/NAME`.
    pub name: String,
    /// The Service that leads to it, in the same namespace.
    pub service: String,
    /// What it is for.
    pub kind: Kind,
}

impl Share {
    /// The label by which homehive says what a share is for.
    pub const KIND_LABEL: &'static str = "homehive/kind";
    /// Its value for backups of Macs.
    pub const TIME_MACHINE: &'static str = "time-machine";

    /// What the object says. The kind is what its label says; without one, what Samba is told: `fruit:time machine`.
    pub fn of(object: &SmbShare) -> Self {
        let name = object.metadata.name.clone().unwrap_or_default();
        let group = object.status.as_ref().and_then(|status| status.server_group.clone());
        let scaling = object.spec.scaling.as_ref();
        let explicit = scaling.filter(|scaling| scaling.group_mode.as_deref() == Some("explicit"));
        let wished = || explicit.and_then(|scaling| scaling.group.clone());
        Self {
            namespace: object.metadata.namespace.clone().unwrap_or_default(),
            service: group.filter(|group| !group.is_empty()).or_else(wished).unwrap_or_else(|| name.clone()),
            name: object.spec.share_name.clone().filter(|name| !name.is_empty()).unwrap_or_else(|| name.clone()),
            kind: kind(object),
            object: name,
        }
    }
}

fn kind(object: &SmbShare) -> Kind {
    let label = object.metadata.labels.as_ref().and_then(|labels| labels.get(Share::KIND_LABEL));
    let is_time_machine = match label {
        Some(label) => label == Share::TIME_MACHINE,
        None => object.spec.custom_share_config.iter().flat_map(|custom| &custom.configs).any(|(option, value)| {
            option.eq_ignore_ascii_case("fruit:time machine")
                && ["yes", "true", "1", "on"].iter().any(|yes| value.eq_ignore_ascii_case(yes))
        }),
    };
    if is_time_machine { Kind::TimeMachine } else { Kind::Storage }
}

#[cfg(test)]
mod tests {
    use super::{Kind, Share, SmbShare};
    use serde_json::json;

    fn share(value: serde_json::Value) -> Share {
        Share::of(&serde_json::from_value::<SmbShare>(value).unwrap())
    }

    #[test]
    fn the_kind_is_what_the_share_says_whatever_it_is_called() {
        let label = |kind: &str| json!({ "name": "x", "labels": { "homehive/kind": kind } });
        let option = |value: &str| json!({ "customShareConfig": { "configs": { "fruit:time machine": value } } });
        for (case, object, kind) in [
            ("label", json!({ "metadata": label("time-machine") }), Kind::TimeMachine),
            ("label says storage", json!({ "metadata": label("storage"), "spec": option("yes") }), Kind::Storage),
            ("Samba's option", json!({ "metadata": { "name": "x" }, "spec": option("Yes") }), Kind::TimeMachine),
            ("Samba's option, off", json!({ "metadata": { "name": "x" }, "spec": option("no") }), Kind::Storage),
            ("only its name", json!({ "metadata": { "name": "timemachine" } }), Kind::Storage),
        ] {
            assert_eq!(share(object).kind, kind, "{case}");
        }
    }

    #[test]
    fn the_service_is_the_operators_or_the_one_it_will_make() {
        let scaling = |mode: &str| json!({ "scaling": { "groupMode": mode, "group": "all" } });
        for (case, object, service) in [
            ("its own", json!({ "metadata": { "name": "a" } }), "a"),
            ("grouped", json!({ "metadata": { "name": "a" }, "spec": scaling("explicit") }), "all"),
            ("not grouped", json!({ "metadata": { "name": "a" }, "spec": scaling("never") }), "a"),
            ("told", json!({ "metadata": { "name": "a" }, "status": { "serverGroup": "b" } }), "b"),
        ] {
            assert_eq!(share(object).service, service, "{case}");
        }
        let named = share(json!({ "metadata": { "name": "a" }, "spec": { "shareName": "Time Machine" } }));
        assert_eq!((named.object.as_str(), named.name.as_str()), ("a", "Time Machine"));
    }
}
