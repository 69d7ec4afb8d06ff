//! Alertmanager: its configuration is one, and each alert reaches whom it should.

use crate::common::{EXAMPLES, fleet};
use crate::tool::{succeeds, tool};
use cluster::monitoring::alertmanager_config;

/// The example without what asks for a mail server.
fn without_mail(text: &str) -> String {
    text.lines().filter(|line| !line.starts_with("mail = ")).collect::<Vec<_>>().join("\n")
}

#[test]
fn alerts_reach_whom_they_should() {
    let nas = EXAMPLES[0].1;
    let quiet = without_mail(nas);
    // Whether mail is sent, labels, and who is told.
    let cases = [
        (nas, "alertname=Watchdog severity=none", "null"),
        (nas, "alertname=InfoInhibitor severity=none", "null"),
        (nas, "alertname=CPUThrottlingHigh severity=info", "null"),
        (nas, "alertname=ArrayDegraded severity=critical", "mail"),
        (nas, "alertname=BackupOld severity=warning", "mail"),
        (nas, "alertname=TargetDown severity=warning namespace=monitoring", "mail"),
        (&quiet, "alertname=Watchdog severity=none", "null"),
        (&quiet, "alertname=ArrayDegraded severity=critical", "null"),
    ];
    for (text, labels, expected) in cases {
        let Some(mut amtool) = tool("amtool") else { return };
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("alertmanager.yml");
        let fleet = fleet(text);
        let config = alertmanager_config(fleet.monitoring.as_ref().unwrap());
        std::fs::write(&path, serde_saphyr::to_string(&config).unwrap()).unwrap();
        let checked = succeeds(tool("amtool").unwrap().arg("check-config").arg(&path));
        assert!(checked.contains("SUCCESS"), "{checked}");
        amtool.args(["config", "routes", "test"]).arg(format!("--config.file={}", path.display()));
        let said = succeeds(amtool.args(labels.split(' ')));
        assert_eq!(said.trim(), expected, "{labels}");
    }
}

#[test]
fn no_password_is_written() {
    for (_, text) in EXAMPLES {
        let config = alertmanager_config(fleet(text).monitoring.as_ref().unwrap()).to_string();
        assert!(
            config.contains("\"smtp_auth_password_file\":\"/etc/alertmanager/secrets/alertmanager-mail/password\"")
        );
        assert!(!config.contains("\"smtp_auth_password\""), "{config}");
    }
}
