//! Alertmanager: who is told of what. Lists in a chart's values replace the chart's own, so that they stand here whole.

use super::names::MAIL_PASSWORD;
use fleet::Monitoring;
use serde_json::{Value, json};

/// Who is told of nothing.
const NOBODY: &str = "null";
/// Who is told by mail.
const MAIL: &str = "mail";

/// Alertmanager's configuration.
pub fn config(monitoring: &Monitoring) -> Value {
    let mut global = json!({ "resolve_timeout": "5m" });
    let mut receivers = vec![json!({ "name": NOBODY })];
    let told = if let Some(mail) = &monitoring.mail {
        global["smtp_smarthost"] = json!(mail.smarthost);
        global["smtp_from"] = json!(mail.from);
        global["smtp_require_tls"] = json!(true);
        if let Some(user) = &mail.user {
            global["smtp_auth_username"] = json!(user);
            global["smtp_auth_password_file"] = json!(password_file());
        }
        receivers.push(json!({ "name": MAIL, "email_configs": [{ "to": mail.to, "send_resolved": true }] }));
        MAIL
    } else {
        NOBODY
    };
    json!({
        "global": global,
        "inhibit_rules": inhibitions(),
        "route": {
            "receiver": told,
            "group_by": ["alertname", "namespace", "node"],
            "group_wait": "30s",
            "group_interval": "5m",
            "repeat_interval": "1d",
            "routes": [
                // It fires always, and says only that alerts get this far.
                { "receiver": NOBODY, "matchers": ["alertname = \"Watchdog\""] },
                // It fires to silence others.
                { "receiver": NOBODY, "matchers": ["alertname = \"InfoInhibitor\""] },
                { "receiver": NOBODY, "matchers": ["severity = \"info\""] },
                { "receiver": told, "matchers": ["severity = \"critical\""], "repeat_interval": "4h" },
            ],
        },
        "receivers": receivers,
    })
}

/// Where the operator mounts the Secret with the password.
fn password_file() -> String {
    let (secret, key) = MAIL_PASSWORD;
    format!("/etc/alertmanager/secrets/{secret}/{key}")
}

/// What need not be told beside something worse.
fn inhibitions() -> Value {
    let worse = |source: &str, targets: &str| {
        json!({
            "source_matchers": [format!("severity = {source}")],
            "target_matchers": [format!("severity =~ {targets}")],
            "equal": ["namespace", "alertname", "node", "device", "mountpoint"],
        })
    };
    json!([
        worse("critical", "warning|info"),
        worse("warning", "info"),
        {
            "source_matchers": ["alertname = InfoInhibitor"],
            "target_matchers": ["severity = info"],
            "equal": ["namespace"],
        },
    ])
}
