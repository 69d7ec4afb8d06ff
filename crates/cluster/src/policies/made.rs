//! From the table to policies: in each namespace nothing is allowed, then names may be asked for, then each workload gets
//! its flows.

use super::ends::{DNS, End, Workload, workloads};
use super::flows::{Flow, Protocol, flows};
use super::{PODS, SERVICES};
use crate::meta::{named, texts};
use fleet::{Fleet, Role};
use k8s_openapi::api::networking::v1::{
    IPBlock, NetworkPolicy, NetworkPolicyEgressRule, NetworkPolicyIngressRule, NetworkPolicyPeer, NetworkPolicyPort,
    NetworkPolicySpec,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use std::net::Ipv4Addr;

/// The policies of one namespace.
pub fn policies(fleet: &Fleet, namespace: &str) -> Vec<NetworkPolicy> {
    let everyone = || Some(LabelSelector::default());
    let nothing = NetworkPolicySpec { pod_selector: everyone(), policy_types: Some(both()), ..Default::default() };
    let names = NetworkPolicySpec {
        pod_selector: everyone(),
        policy_types: Some(vec!["Egress".to_owned()]),
        egress: Some(vec![NetworkPolicyEgressRule {
            to: Some(peers(fleet, End::Pods(DNS))),
            ports: Some(vec![port(53, Protocol::Udp), port(53, Protocol::Tcp)]),
        }]),
        ..Default::default()
    };
    let policy = |name: &str, spec| NetworkPolicy { metadata: named(namespace, name), spec: Some(spec) };
    let mut all = vec![policy("default-deny", nothing), policy("names", names)];
    let table = flows(fleet);
    for workload in workloads().into_iter().filter(|workload| workload.namespace == namespace) {
        let own = End::Pods(workload);
        let came = rules(&table, |flow| (flow.to == own).then_some(flow.from));
        let goes = rules(&table, |flow| (flow.from == own).then_some(flow.to));
        if came.is_empty() && goes.is_empty() {
            continue;
        }
        let ingress = came
            .into_iter()
            .map(|(end, ports)| NetworkPolicyIngressRule { from: Some(peers(fleet, end)), ports: Some(ports) });
        let egress = goes
            .into_iter()
            .map(|(end, ports)| NetworkPolicyEgressRule { to: Some(peers(fleet, end)), ports: Some(ports) });
        let spec = NetworkPolicySpec {
            pod_selector: Some(selector(workload)),
            policy_types: Some(both()),
            ingress: Some(ingress.collect()),
            egress: Some(egress.collect()),
        };
        all.push(policy(workload.name, spec));
    }
    all
}

fn both() -> Vec<String> {
    vec!["Ingress".to_owned(), "Egress".to_owned()]
}

/// The other ends of some flows, each once with all its ports.
fn rules(table: &[Flow], other: impl Fn(&Flow) -> Option<End>) -> Vec<(End, Vec<NetworkPolicyPort>)> {
    let mut all: Vec<(End, Vec<NetworkPolicyPort>)> = Vec::new();
    for flow in table {
        let Some(end) = other(flow) else { continue };
        let one = port(flow.port, flow.protocol);
        match all.iter_mut().find(|(known, _)| *known == end) {
            Some((_, ports)) if ports.contains(&one) => {}
            Some((_, ports)) => ports.push(one),
            None => all.push((end, vec![one])),
        }
    }
    all
}

fn port(number: u16, protocol: Protocol) -> NetworkPolicyPort {
    NetworkPolicyPort {
        port: Some(IntOrString::Int(number.into())),
        protocol: Some(protocol.word().to_owned()),
        end_port: None,
    }
}

fn selector(workload: Workload) -> LabelSelector {
    let labels = workload.labels.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
    LabelSelector { match_labels: Some(labels.collect()), match_expressions: None }
}

/// An end as policies know it.
fn peers(fleet: &Fleet, end: End) -> Vec<NetworkPolicyPeer> {
    let block = |cidr: String, except: &[&str]| NetworkPolicyPeer {
        ip_block: Some(IPBlock {
            cidr,
            except: (!except.is_empty()).then(|| except.iter().map(|cidr| (*cidr).to_owned()).collect()),
        }),
        ..NetworkPolicyPeer::default()
    };
    let machines = |wanted: &dyn Fn(Role) -> bool| {
        let nodes = fleet.machines.values().filter(|machine| wanted(machine.role));
        let mut addresses: Vec<Ipv4Addr> = nodes.map(|machine| machine.address).collect();
        addresses.sort_unstable();
        addresses.into_iter().map(|address| block(format!("{address}/32"), &[])).collect::<Vec<_>>()
    };
    match end {
        End::Pods(workload) => {
            let name = texts([("kubernetes.io/metadata.name", workload.namespace)]);
            vec![NetworkPolicyPeer {
                namespace_selector: Some(LabelSelector { match_labels: Some(name), match_expressions: None }),
                pod_selector: Some(selector(workload)),
                ip_block: None,
            }]
        }
        End::Nodes => machines(&|role| role != Role::None),
        End::Servers => machines(&|role| role == Role::K3sServer),
        End::Api => {
            let mut all = machines(&|role| role == Role::K3sServer);
            all.push(block(PODS.to_owned(), &[]));
            all
        }
        End::Lan => vec![block(format!("{}/{}", fleet.network.subnet.network(), fleet.network.subnet.prefix()), &[])],
        End::Outside => vec![block("0.0.0.0/0".to_owned(), &[PODS, SERVICES])],
    }
}
