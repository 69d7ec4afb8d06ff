//! One share: the operator's objects, its Service and its server.

use super::{SMB_PORT, options, server};
use crate::kinds::{
    self, AvailabilityMode, CommonNetwork, CustomConfig, GroupMode, PodSettings, Publish, SecurityMode, ShareClaim,
    ShareScaling, ShareStorage, ShareUsers, SmbCommonConfig, SmbSecurityConfig, SmbShare,
};
use crate::meta::{labelled, named, texts};
use crate::namespaces::SAMBA;
use crate::{Catalogue, Object, RenderError, metallb, secrets};
use fleet::{Fleet, Share, ShareName};
use k8s_openapi::api::core::v1::{Service, ServicePort, ServiceSpec};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use std::collections::BTreeSet;

/// The label that says what a share is for; those who publish it need not guess.
const KIND: &str = "homehive/kind";
/// The label by which a share's server is found.
pub(super) const SERVER: &str = "samba-operator.samba.org/service";

/// What is the same for all shares of a machine: their servers run there, and are reached from the LAN.
pub(super) fn machines(fleet: &Fleet) -> Result<Vec<Object>, RenderError> {
    let machines: BTreeSet<&fleet::HostName> = fleet.shares.values().map(|share| &share.machine).collect();
    let objects = machines.into_iter().map(|machine| {
        let config = SmbCommonConfig {
            network: CommonNetwork { publish: Publish::External },
            pod_settings: PodSettings { node_selector: texts([("kubernetes.io/hostname", machine.as_ref())]) },
        };
        kinds::object(&named(SAMBA, machine.as_ref()), &config)
    });
    Ok(objects.collect::<Result<_, _>>()?)
}

/// The objects of a share, in this order: what the operator finds it leaves as it is, so that Service and server are there
/// before the share.
pub(super) fn objects(name: &ShareName, share: &Share, catalogue: &Catalogue) -> Result<Vec<Object>, RenderError> {
    let meta = || named(SAMBA, name.as_ref());
    let users = SmbSecurityConfig {
        mode: SecurityMode::User,
        users: ShareUsers { secret: secrets::share_users(name), key: "users.json".into() },
    };
    let smb = SmbShare {
        share_name: name.to_string(),
        read_only: false,
        browseable: true,
        security_config: name.to_string(),
        common_config: share.machine.to_string(),
        storage: ShareStorage { pvc: ShareClaim { name: name.to_string() } },
        custom_share_config: Some(CustomConfig { use_unsafe_custom_config: true, configs: options(share) }),
        scaling: ShareScaling {
            availability_mode: AvailabilityMode::Standard,
            group: name.to_string(),
            group_mode: GroupMode::Explicit,
        },
    };
    let kind = labelled(meta(), [(KIND, share.kind.word())]);
    Ok(vec![
        kinds::object(&meta(), &users)?,
        Object::of(&service(name, share))?,
        Object::of(&server::deployment(name, share, catalogue)?)?,
        kinds::object(&kind, &smb)?,
    ])
}

/// The labels that the operator would give.
pub(super) fn labels(name: &ShareName) -> [(&'static str, &str); 4] {
    [
        ("app", "samba"),
        ("app.kubernetes.io/name", "samba"),
        ("app.kubernetes.io/component", "smbd"),
        (SERVER, name.as_ref()),
    ]
}

/// The share's address in the LAN. Only the machine that has the disks answers for it, and the server sees its clients'
/// addresses.
fn service(name: &ShareName, share: &Share) -> Service {
    let port = ServicePort {
        name: Some("smb".into()),
        port: SMB_PORT.into(),
        protocol: Some("TCP".into()),
        target_port: Some(IntOrString::Int(SMB_PORT.into())),
        ..ServicePort::default()
    };
    let spec = ServiceSpec {
        type_: Some("LoadBalancer".into()),
        external_traffic_policy: Some("Local".into()),
        selector: Some(texts([(SERVER, name.as_ref())])),
        ports: Some(vec![port]),
        ..ServiceSpec::default()
    };
    let meta = labelled(named(SAMBA, name.as_ref()), labels(name));
    Service { metadata: metallb::wants(meta, share.address), spec: Some(spec), ..Service::default() }
}
