//! A Service with addresses in the LAN.

use k8s_openapi::api::core::v1::Service;
use std::collections::BTreeSet;
use std::net::IpAddr;

/// The port of SMB.
pub const SMB: i32 = 445;

/// As much of a Service as publishing asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Balancer {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// Where the load balancer lets it answer; none while it has no address.
    pub addresses: BTreeSet<IpAddr>,
}

impl Balancer {
    /// What the Service says; it has no addresses if it is being deleted, is not of a balancer, or does not speak SMB.
    pub fn of(service: &Service) -> Self {
        let spec = service.spec.as_ref();
        let balanced = spec.is_some_and(|spec| {
            spec.type_.as_deref() == Some("LoadBalancer") && spec.ports.iter().flatten().any(|port| port.port == SMB)
        });
        let ending = service.metadata.deletion_timestamp.is_some();
        let status = service.status.as_ref().and_then(|status| status.load_balancer.as_ref());
        let ingress = status.and_then(|status| status.ingress.as_ref()).into_iter().flatten();
        let addresses = ingress.filter_map(|ingress| ingress.ip.as_ref()?.parse().ok());
        Self {
            namespace: service.metadata.namespace.clone().unwrap_or_default(),
            name: service.metadata.name.clone().unwrap_or_default(),
            addresses: if balanced && !ending { addresses.collect() } else { BTreeSet::new() },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Balancer;
    use k8s_openapi::api::core::v1::Service;
    use serde_json::json;

    #[test]
    fn addresses_are_those_of_a_balancer_that_speaks_smb() {
        let service = |kind: &str, port: i32, deleted: bool| {
            let mut object = json!({
                "metadata": { "name": "a", "namespace": "samba" },
                "spec": { "type": kind, "ports": [{ "port": port, "protocol": "TCP" }] },
                "status": { "loadBalancer": { "ingress": [{ "ip": "192.168.1.200" }, { "hostname": "x" }] } },
            });
            if deleted {
                object["metadata"]["deletionTimestamp"] = json!("2026-11-25T00:00:00Z");
            }
            serde_json::from_value::<Service>(object).unwrap()
        };
        for (case, object, addresses) in [
            ("balanced", service("LoadBalancer", 445, false), 1),
            ("inside only", service("ClusterIP", 445, false), 0),
            ("not SMB", service("LoadBalancer", 80, false), 0),
            ("being deleted", service("LoadBalancer", 445, true), 0),
        ] {
            assert_eq!(Balancer::of(&object).addresses.len(), addresses, "{case}");
        }
    }
}
