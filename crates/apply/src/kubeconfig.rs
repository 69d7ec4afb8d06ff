//! The kubeconfig that k3s writes on a server, made fit to be used from elsewhere. Pure.

use serde_json::{Value, json};

/// Where a cluster is reached.
#[derive(Clone, Copy, Debug)]
pub struct Reached<'a> {
    /// The address or name by which the server is reached from here.
    pub at: &'a str,
    /// The address that stands in its certificate.
    pub certified: &'a str,
    /// What the cluster is called in the file.
    pub name: &'a str,
}

/// Why there is nothing to rewrite.
#[derive(Debug, thiserror::Error)]
pub enum KubeconfigError {
    /// It is no YAML, or cannot be written as such.
    #[error("it is no kubeconfig: {0}")]
    Yaml(String),
    /// It lacks what every kubeconfig of k3s has.
    #[error("it is no kubeconfig of k3s: {0} is missing")]
    Missing(&'static str),
}

/// The kubeconfig for the cluster as it is reached from here: k3s writes it for its own machine alone, and calls
/// everything `default`. The port stays as it is. Where the server is reached by another address than its own, its
/// certificate is checked against its own.
///
/// # Errors
/// It is no kubeconfig of k3s.
pub fn rewrite(text: &str, reached: Reached<'_>) -> Result<String, KubeconfigError> {
    let read: Value = serde_saphyr::from_str(text).map_err(|error| KubeconfigError::Yaml(error.to_string()))?;
    let field = |pointer: &str, name| {
        let found = read.pointer(pointer).and_then(Value::as_str).filter(|text| !text.is_empty());
        found.ok_or(KubeconfigError::Missing(name))
    };
    let server = field("/clusters/0/cluster/server", "the server")?;
    let authority = field("/clusters/0/cluster/certificate-authority-data", "the certificate authority")?;
    let user = read.pointer("/users/0/user").filter(|user| user.is_object());
    let user = user.ok_or(KubeconfigError::Missing("the user"))?;
    let port = server.rsplit_once(':').map_or("6443", |(_, port)| port).trim_end_matches('/');
    let port: u16 = port.parse().map_err(|_| KubeconfigError::Missing("the server's port"))?;
    let Reached { at, certified, name } = reached;
    let host = if at.contains(':') { format!("[{at}]") } else { at.to_owned() };
    let mut cluster = json!({ "server": format!("https://{host}:{port}"), "certificate-authority-data": authority });
    if at != certified {
        cluster["tls-server-name"] = json!(certified);
    }
    let user_name = format!("{name}-admin");
    let written = json!({
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{ "name": name, "cluster": cluster }],
        "users": [{ "name": user_name, "user": user }],
        "contexts": [{ "name": name, "context": { "cluster": name, "user": user_name } }],
        "current-context": name,
    });
    serde_saphyr::to_string(&written).map_err(|error| KubeconfigError::Yaml(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::{Reached, rewrite};

    const K3S: &str = "apiVersion: v1\nclusters:\n- cluster:\n    certificate-authority-data: QUJD\n    server: https://127.0.0.1:6443\n  name: default\n\
        contexts:\n- context:\n    cluster: default\n    user: default\n  name: default\ncurrent-context: default\nkind: Config\n\
        preferences: {}\nusers:\n- name: default\n  user:\n    client-certificate-data: REVG\n    client-key-data: R0hJ\n";

    #[test]
    fn for_this_machine() {
        let own = Reached { at: "192.168.1.11", certified: "192.168.1.11", name: "home" };
        insta::assert_snapshot!(rewrite(K3S, own).unwrap());
        let other = Reached { at: "fd00::1", certified: "192.168.1.11", name: "home" };
        let text = rewrite(K3S, other).unwrap();
        assert!(
            text.contains("https://[fd00::1]:6443") && text.contains("tls-server-name: \"192.168.1.11\""),
            "{text}"
        );
        let read: kube::config::Kubeconfig = kube::config::Kubeconfig::from_yaml(&text).unwrap();
        assert_eq!(read.current_context.as_deref(), Some("home"));
    }

    #[test]
    fn what_is_none() {
        let own = Reached { at: "a", certified: "a", name: "home" };
        for (text, why) in [
            ("{", "it is no kubeconfig"),
            ("clusters: []", "the server is missing"),
            (&K3S.replace("certificate-authority-data", "x"), "the certificate authority is missing"),
            (&K3S.replace(":6443", ":many"), "the server's port is missing"),
            (&K3S.replace("  user:", "  person:"), "the user is missing"),
        ] {
            let error = rewrite(text, own).unwrap_err().to_string();
            assert!(error.contains(why), "{text}: {error}");
        }
    }
}
