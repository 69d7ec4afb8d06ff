//! In which order machines switch. Pure.

use fleet::{Fleet, HostName, Role, Selector, Unselected};

/// The machines in waves, one wave after another: what `order` chooses first, then what is no part of the cluster, then
/// servers, then agents, for a cluster's servers may be newer than its agents and not older. Every machine is a wave of
/// its own, unless `together`: then neighbours of one kind switch side by side. Two servers never do.
///
/// # Errors
/// A selector that chooses nothing.
pub fn waves(
    fleet: &Fleet,
    machines: &[HostName],
    order: &[Selector],
    together: bool,
) -> Result<Vec<Vec<HostName>>, Unselected> {
    let mut first: Vec<HostName> = if order.is_empty() { Vec::new() } else { fleet.select(order)? };
    first.retain(|name| machines.contains(name));
    let role = |name: &HostName| fleet.machines.get(name).map_or(Role::None, |machine| machine.role);
    let rank = |name: &&HostName| match role(name) {
        Role::None => 0,
        Role::K3sServer => 1,
        Role::K3sAgent => 2,
    };
    let mut rest: Vec<&HostName> = machines.iter().filter(|name| !first.contains(name)).collect();
    rest.sort_by_key(rank);
    let mut waves: Vec<Vec<HostName>> = Vec::new();
    // What was put in order by hand stays one after another.
    waves.extend(first.iter().map(|name| vec![name.clone()]));
    let by_hand = waves.len();
    for name in rest {
        let beside = waves.len() > by_hand
            && role(name) != Role::K3sServer
            && waves.last().and_then(|wave| wave.last()).is_some_and(|last| role(last) == role(name));
        match waves.last_mut() {
            Some(wave) if together && beside => wave.push(name.clone()),
            _ => waves.push(vec![name.clone()]),
        }
    }
    Ok(waves)
}

#[cfg(test)]
mod tests {
    use super::waves;
    use fleet::{Fleet, Format, HostName, Role, Selector};
    use proptest::prelude::*;
    use std::collections::BTreeSet;
    use std::fmt::Write as _;

    /// A fleet of machines of these roles, without disks of ours.
    fn fleet(roles: &[&str]) -> Fleet {
        let mut text = String::from(
            "[fleet]\nname = \"home\"\n[admin]\nuser = \"ben\"\n\
             keys = [\"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIEZcQpOd6Vsg0wFnQGJTnmC7jmyjO3F0GJ3tqjV1Pw6L ben\"]\n\
             [network]\nsubnet = \"192.168.1.0/24\"\n",
        );
        for (index, role) in roles.iter().enumerate() {
            let _ = write!(
                text,
                "[machines.m{index}]\naddress = \"192.168.1.{}\"\nrole = \"{role}\"\ntags = [\"{role}\"]\n\
                 configuration = \".#m{index}\"\n",
                index + 10
            );
        }
        Fleet::parse(&text, "fleet.toml", Format::Toml).unwrap_or_else(|report| panic!("{:?}", report.findings()))
    }

    fn shown(fleet: &Fleet, order: &[&str], together: bool) -> String {
        let all: Vec<HostName> = fleet.machines.keys().cloned().collect();
        let order: Vec<Selector> = order.iter().map(|text| text.parse().unwrap()).collect();
        let waves = waves(fleet, &all, &order, together).unwrap();
        let wave = |wave: &Vec<HostName>| wave.iter().map(ToString::to_string).collect::<Vec<_>>().join("+");
        waves.iter().map(wave).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn servers_before_agents_and_by_themselves() {
        let fleet = fleet(&["k3s-agent", "k3s-server", "none", "k3s-agent", "none", "k3s-server", "k3s-server"]);
        for (order, together, expected) in [
            (&[][..], false, "m2 m4 m1 m5 m6 m0 m3"),
            (&[], true, "m2+m4 m1 m5 m6 m0+m3"),
            (&["m3"], false, "m3 m2 m4 m1 m5 m6 m0"),
            (&["m6", "@none"], true, "m6 m2 m4 m1 m5 m0+m3"),
        ] {
            assert_eq!(shown(&fleet, order, together), expected, "{order:?} {together}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        /// Whatever is asked for: every machine once, and never two servers down at once.
        #[test]
        fn never_two_servers_at_once(
            roles in prop::collection::vec(prop::sample::select(vec!["none", "k3s-agent", "k3s-server"]), 1..7),
            first in prop::collection::vec(0_usize..7, 0..3),
            together in any::<bool>(),
        ) {
            // A fleet with an even number of servers is refused before any order is asked for.
            prop_assume!(roles.iter().filter(|role| **role == "k3s-server").count() % 2 == 1 || !roles.iter().any(|role| role.starts_with("k3s")));
            let fleet = fleet(&roles);
            let all: Vec<HostName> = fleet.machines.keys().cloned().collect();
            let order: Vec<Selector> =
                first.iter().filter(|at| **at < roles.len()).map(|at| format!("m{at}").parse().unwrap()).collect();
            let waves = waves(&fleet, &all, &order, together).unwrap();
            let once: BTreeSet<&HostName> = waves.iter().flatten().collect();
            prop_assert_eq!(once.len(), all.len());
            prop_assert_eq!(waves.iter().map(Vec::len).sum::<usize>(), all.len());
            for wave in waves {
                let servers = wave.iter().filter(|name| fleet.machines[*name].role == Role::K3sServer).count();
                prop_assert!(servers <= 1 && (servers == 0 || wave.len() == 1));
            }
        }
    }
}
