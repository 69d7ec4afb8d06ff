//! What may be a secret, and what must follow when one has changed.

use cluster::secrets::GRAFANA_PASSWORD;
use fleet::Fleet;
use nixos::{K3S_TOKEN, MAIL_PASSWORD, Sealed};
use zeroize::Zeroizing;

/// More than anybody types, and less than a file given by mistake.
const LONGEST: usize = 4096;

/// Checks a secret as it was typed or piped, without the newline at its end; says why it is none.
pub fn check(text: &str) -> Result<Zeroizing<String>, &'static str> {
    let text = text.strip_suffix('\n').unwrap_or(text);
    let text = text.strip_suffix('\r').unwrap_or(text);
    if text.is_empty() {
        return Err("it is empty");
    }
    if text.len() > LONGEST {
        return Err("it is longer than 4096 bytes");
    }
    if text.chars().any(char::is_control) {
        return Err("it has several lines, or control characters");
    }
    Ok(Zeroizing::new(text.to_owned()))
}

/// What a new value of a secret takes, until everybody uses it.
pub fn what_follows(secret: &Sealed, fleet: &Fleet) -> Vec<String> {
    let mut next = Vec::new();
    if secret.file == K3S_TOKEN {
        return vec![
            "all servers and agents must get it at once, and the servers' state must be sealed with it: see \
             docs/secrets.md"
                .to_owned(),
        ];
    }
    next.push(
        "homehive deploy: the machines get the new file, and the servers make the cluster's Secrets of it".into(),
    );
    if secret.file == GRAFANA_PASSWORD {
        next.push(
            "Grafana reads it at its first start only; later, on a server: sudo sh -c 'k3s kubectl -n monitoring exec -i \
             deploy/kube-prometheus-stack-grafana -c grafana -- grafana cli admin reset-admin-password \
             --password-from-stdin < /run/agenix/grafana-password'"
                .into(),
        );
    } else if [cluster::secrets::S3_ACCESS_KEY, cluster::secrets::S3_SECRET_KEY].contains(&secret.file.as_str()) {
        next.push(
            "Prometheus and Thanos read it when they start; on a server: sudo k3s kubectl -n monitoring rollout restart \
             statefulset"
                .into(),
        );
    } else if secret.file != MAIL_PASSWORD {
        let uses = |share: &fleet::Share| {
            cluster::secrets::users_of(fleet, share)
                .iter()
                .any(|user| cluster::secrets::samba_password(user) == secret.file)
        };
        let shares = fleet.shares.iter().filter(|(_, share)| uses(share));
        let shares: Vec<String> = shares.map(|(name, _)| name.to_string()).collect();
        if !shares.is_empty() {
            next.push(format!(
                "the servers of these shares are started anew with it, and connections to them begin again: {}",
                shares.join(", ")
            ));
        }
    }
    next
}

#[cfg(test)]
mod tests {
    use super::check;

    #[test]
    fn what_is_a_secret() {
        for (text, wanted) in [
            ("hunter2", Some("hunter2")),
            ("hunter2\n", Some("hunter2")),
            ("hunter2\r\n", Some("hunter2")),
            (" with blanks, \"quotes\" and $(words) ", Some(" with blanks, \"quotes\" and $(words) ")),
            ("größer", Some("größer")),
            ("", None),
            ("\n", None),
            ("two\nlines\n", None),
            ("nul\0", None),
        ] {
            assert_eq!(check(text).ok().as_ref().map(|text| text.as_str()), wanted, "{text:?}");
        }
        assert!(check(&"x".repeat(4097)).is_err());
    }
}
