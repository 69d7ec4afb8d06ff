//! Mail that would reach nobody: the domains that RFC 2606 keeps for examples.

use super::path;
use crate::declared::Draft;
use document::{Path, Problems};

pub(super) fn check(draft: &Draft, problems: &mut Problems) {
    if let Some(mail) = draft.admin.as_ref().and_then(|admin| admin.mail.as_ref()) {
        example(mail.domain(), &path(["admin", "mail"]), problems);
    }
    if let Some(mail) = draft.monitoring.as_ref().and_then(|monitoring| monitoring.mail.as_ref()) {
        let at = path(["monitoring", "mail"]);
        example(mail.to.domain(), &at.join("to"), problems);
        example(mail.from.domain(), &at.join("from"), problems);
        example(mail.smarthost.host(), &at.join("smarthost"), problems);
    }
}

fn example(domain: &str, at: &Path, problems: &mut Problems) {
    if is_example(domain) {
        let message = format!("`{domain}` is kept for examples: mail there reaches nobody");
        problems.add(at, "fleet::made_up_mail", message, "made up", "write your own address and mail server");
    }
}

/// Is this a domain that RFC 2606 keeps for examples?
pub(super) fn is_example(domain: &str) -> bool {
    let domain = domain.to_ascii_lowercase();
    ["example.com", "example.net", "example.org", "example", "invalid", "test"]
        .iter()
        .any(|kept| domain == *kept || domain.ends_with(&format!(".{kept}")))
}
