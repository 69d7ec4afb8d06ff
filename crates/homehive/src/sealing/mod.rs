//! The fleet's secrets: sealed files beside the fleet file, each for the admin and the machines that need it. What is to
//! be there, and for whom, is the table of the crate `nixos`.

mod editor;
mod prompt;
mod rekey;
mod vault;
mod words;

pub use editor::edit;
pub use prompt::{Answer, ask, ask_once, can_ask, piped};
pub use rekey::{Rekeyed, rekey};
pub use vault::{State, Vault, random};
pub use words::{check, what_follows};

use document::{Path, Problems};
use fleet::Fleet;
use nixos::Sealed;

/// What only the user knows and has not set, as problems of the fleet file: where it asks for them.
pub fn missing(vault: &Vault, fleet: &Fleet, problems: &mut Problems) {
    for secret in vault.unset() {
        for at in asked_for_at(secret, fleet) {
            let message = format!("the secret `{}` is not set", secret.name());
            let label = format!("needs secrets/{}", secret.file);
            let help = format!("homehive secrets set {}", secret.name());
            problems.add(&at, "secrets::missing", message, label, help);
        }
    }
}

fn asked_for_at(secret: &Sealed, fleet: &Fleet) -> Vec<Path> {
    if secret.file == nixos::MAIL_PASSWORD {
        return vec![Path::from_iter(["monitoring", "mail", "user"])];
    }
    if [cluster::secrets::S3_ACCESS_KEY, cluster::secrets::S3_SECRET_KEY].contains(&secret.file.as_str()) {
        return vec![Path::from_iter(["monitoring", "object_store"])];
    }
    let mut found = Vec::new();
    for (name, share) in &fleet.shares {
        let users = cluster::secrets::users_of(fleet, share);
        if users.iter().any(|user| cluster::secrets::samba_password(user) == secret.file) {
            let at = Path::from_iter(["shares", name.as_ref()]);
            found.push(if share.users.is_empty() { at } else { at.join("users") });
        }
    }
    found
}
