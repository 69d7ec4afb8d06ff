//! Which ports a machine's packet filter lets in, as `iptables-save` prints it.

use super::{output, verdict};
use crate::Printed;
use crate::judge::Verdict;
use schemars::JsonSchema;
use serde::Serialize;
use std::collections::BTreeSet;

/// What comes in is refused, but for these TCP ports.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct FirewallRule {
    /// TCP ports that must be open.
    pub tcp: Vec<u16>,
}

impl FirewallRule {
    /// NixOS' own chain is `nixos-fw` (nixos/modules/services/networking/firewall-iptables.nix): INPUT jumps there, ports
    /// are accepted by `nixos-fw-accept`, the rest ends in `nixos-fw-log-refuse` or `nixos-fw-refuse`.
    pub(super) fn judge(&self, answers: &[&Printed]) -> Verdict {
        let rules: Vec<Vec<&str>> = output(answers, 0)?.lines().map(|line| line.split_whitespace().collect()).collect();
        let has = |wanted: &[&str]| rules.iter().any(|words| words.windows(wanted.len()).any(|part| part == wanted));
        let mut wrong = Vec::new();
        if !has(&["-A", "INPUT", "-j", "nixos-fw"]) {
            wrong.push("what comes in does not pass the firewall's chain".to_owned());
        }
        let refuses = ["nixos-fw-log-refuse", "nixos-fw-refuse"];
        if !refuses.iter().any(|target| has(&["-A", "nixos-fw", "-j", target])) {
            wrong.push("the firewall's chain does not end by refusing".to_owned());
        }
        let open: BTreeSet<u16> = rules.iter().filter_map(|words| accepted(words)).flatten().collect();
        let closed = self.tcp.iter().filter(|port| !open.contains(port));
        wrong.extend(closed.map(|port| format!("TCP port {port} is not open")));
        let list = open.iter().map(u16::to_string).collect::<Vec<_>>().join(", ");
        verdict(&wrong, format!("open TCP ports: {list}; the rest is refused"))
    }
}

/// The TCP ports that a rule of the firewall's chain accepts from anywhere.
fn accepted(words: &[&str]) -> Option<Vec<u16>> {
    let value = |flag: &str| words.windows(2).find(|pair| pair[0] == flag).map(|pair| pair[1]);
    let chain = words.first() == Some(&"-A") && words.get(1) == Some(&"nixos-fw");
    let whole = value("-s").is_none() && value("-i").is_none() && value("-d").is_none();
    if !chain || !whole || value("-p") != Some("tcp") || value("-j") != Some("nixos-fw-accept") {
        return None;
    }
    let ports = value("--dport").or_else(|| value("--dports"))?;
    let range = |part: &str| {
        let (from, to) = part.split_once(':').unwrap_or((part, part));
        Some(from.parse::<u16>().ok()?..=to.parse::<u16>().ok()?)
    };
    Some(ports.split(',').filter_map(range).flatten().collect())
}

#[cfg(test)]
mod tests {
    use super::FirewallRule;
    use crate::Printed;

    const SAVED: &str = "*filter\n:INPUT ACCEPT [0:0]\n:nixos-fw - [0:0]\n-A INPUT -j nixos-fw\n\
        -A nixos-fw -i lo -j nixos-fw-accept\n-A nixos-fw -p tcp -m tcp --dport 22 -j nixos-fw-accept\n\
        -A nixos-fw -p tcp -m tcp --dport 6443 -j nixos-fw-accept\n\
        -A nixos-fw -i cni0 -p tcp -m tcp --dport 9100 -j nixos-fw-accept\n\
        -A nixos-fw -p udp -m udp --dport 5353 -j nixos-fw-accept\n-A nixos-fw -j nixos-fw-log-refuse\nCOMMIT\n";

    #[test]
    fn ports() {
        let rule = FirewallRule { tcp: vec![22, 6443] };
        for (case, text, wanted) in [
            ("as it should be", SAVED.to_owned(), Ok("open TCP ports: 22, 6443; the rest is refused")),
            ("k3s closed", SAVED.replace("6443", "6444"), Err("TCP port 6443 is not open")),
            (
                "for one address only",
                SAVED.replace("fw -p tcp", "fw -s 10.0.0.1/32 -p tcp"),
                Err("port 22 is not open"),
            ),
            ("refuses nothing", SAVED.replace("-j nixos-fw-log-refuse", ""), Err("does not end by refusing")),
            ("not passed", SAVED.replace("-A INPUT", "-A FORWARD"), Err("does not pass")),
            ("off", String::new(), Err("does not pass")),
        ] {
            let found = rule.judge(&[&Printed { stdout: text, ..Printed::default() }]);
            match (found, wanted) {
                (Ok(found), Ok(wanted)) => assert_eq!(found, wanted, "{case}"),
                (Err(found), Err(wanted)) => assert!(found.contains(wanted), "{case}: {found}"),
                (found, _) => panic!("{case}: {found:?}"),
            }
        }
    }
}
