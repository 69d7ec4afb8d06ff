//! The text of a first fleet file. Facts that only the user knows, and that are not given, stand in it as placeholders,
//! so that `check` points at exactly them. Writing the file is left to others.

use crate::{FleetName, Mail, PublicKey, TimeZone, UserName};

const NAS: &str = include_str!("../scaffold/nas.toml");
const CLUSTER: &str = include_str!("../scaffold/cluster.toml");

/// What both have in common.
const PARTS: [(&str, &str); 3] = [
    ("@base@", include_str!("../scaffold/base.toml")),
    ("@nas-storage@", include_str!("../scaffold/nas-storage.toml")),
    ("@services@", include_str!("../scaffold/services.toml")),
];

/// The computers of a new cluster beside its NAS, in the order of [`Cluster::nodes`].
const NODES: [&str; 4] = ["hive1", "hive2", "hive3", "worker"];

/// What is known of a new NAS.
#[derive(Clone, Debug, Default)]
pub struct Nas {
    /// The fleet's name; `home` if none.
    pub fleet: Option<FleetName>,
    /// Who administers it; `admin` if none.
    pub user: Option<UserName>,
    /// Keys that may log in; a placeholder if none.
    pub keys: Vec<PublicKey>,
    /// The time zone; `UTC` if none.
    pub timezone: Option<TimeZone>,
    /// The USB stick's serial number; a placeholder if none.
    pub usb: Option<String>,
    /// The USB stick's link under `/dev/disk/by-id`; a placeholder if none.
    pub device: Option<String>,
    /// The `NVMe` disk's serial number; a placeholder if none.
    pub nvme: Option<String>,
    /// The six SATA disks' serial numbers; a placeholder for each that is missing.
    pub sata: [Option<String>; 6],
    /// How alerts reach the admin; told of in a comment if none.
    pub mail: Option<Mail>,
    /// A remark for the head of the file.
    pub note: Option<String>,
}

/// What is known of a new cluster.
#[derive(Clone, Debug, Default)]
pub struct Cluster {
    /// What is known of the fleet and of its NAS.
    pub nas: Nas,
    /// The `NVMe` disks' serial numbers of the three servers and the worker; a placeholder for each that is missing.
    pub nodes: [Option<String>; 4],
}

/// A fleet of one NAS, commented for a newcomer.
pub fn nas(given: &Nas) -> String {
    fill(NAS, given, &<[_; 4]>::default())
}

/// A fleet of three servers, an agent and a NAS, commented for a newcomer.
pub fn cluster(given: &Cluster) -> String {
    fill(CLUSTER, &given.nas, &given.nodes)
}

fn fill(template: &str, given: &Nas, nodes: &[Option<String>; 4]) -> String {
    let template = PARTS.iter().fold(template.to_owned(), |text, (mark, part)| text.replace(mark, part));
    let keys: Vec<String> = given.keys.iter().map(|key| quoted(&key.to_string())).collect();
    let keys = if keys.is_empty() { vec![quoted("REPLACE-WITH-YOUR-PUBLIC-KEY")] } else { keys };
    let note = given.note.as_deref().unwrap_or(
        "What only you know is marked REPLACE-WITH-…: your public key and the serial numbers of your disks,\n\
         and the USB stick's link. Look at [network] too.",
    );
    let note = format!("#\n# {}\n#", note.replace('\n', "\n# "));
    let serial = |given: Option<&String>, what: &str| {
        quoted(given.map_or(&*format!("REPLACE-WITH-SERIAL-OF-{what}"), String::as_str))
    };
    // Odd pieces are markers; what is put in is not looked at again.
    let fill = |(index, piece): (usize, &str)| match piece {
        _ if index % 2 == 0 => piece.to_owned(),
        // What is written twice stands for itself.
        "" => "@".to_owned(),
        "note" => note.clone(),
        "fleet" => quoted(given.fleet.as_ref().map_or("home", FleetName::as_ref)),
        "timezone" => quoted(given.timezone.as_ref().map_or("UTC", TimeZone::as_ref)),
        "user" => quoted(given.user.as_ref().map_or("admin", UserName::as_ref)),
        "keys" => format!("[{}]", keys.join(", ")),
        "usb" => serial(given.usb.as_ref(), "USB-STICK"),
        "device" => quoted(given.device.as_deref().unwrap_or("/dev/disk/by-id/REPLACE-WITH-LINK-OF-USB-STICK")),
        "nvme" => serial(given.nvme.as_ref(), "NVME-DISK"),
        "mail" => mail(given.mail.as_ref()),
        node if NODES.contains(&node) => {
            let known = NODES.iter().zip(nodes).find(|(name, _)| **name == node).and_then(|(_, known)| known.as_ref());
            serial(known, &format!("NVME-DISK-OF-{}", node.to_uppercase()))
        }
        sata => {
            let number = sata.trim_start_matches("sata").parse::<usize>().unwrap_or(0);
            let known = number.checked_sub(1).and_then(|index| given.sata.get(index)).and_then(Option::as_ref);
            serial(known, &format!("SATA-DISK-{number}"))
        }
    };
    template.split('@').enumerate().map(fill).collect()
}

fn mail(mail: Option<&Mail>) -> String {
    let remark = "# Alerts by mail; the password is no part of this file.\n";
    let Some(Mail { to, from, smarthost, user }) = mail else {
        return format!(
            "{remark}# mail = {{ to = \"you@provider.net\", from = \"nas@provider.net\", smarthost = \"smtp.provider.net:587\", \
             user = \"you\" }}"
        );
    };
    let user = user.as_ref().map(|user| format!(", user = {}", quoted(user))).unwrap_or_default();
    let (to, from, smarthost) = (quoted(to.as_ref()), quoted(from.as_ref()), quoted(&smarthost.to_string()));
    format!("{remark}mail = {{ to = {to}, from = {from}, smarthost = {smarthost}{user} }}")
}

/// As a TOML basic string, whose escapes are JSON's; DEL alone is legal in the one and not in the other.
pub(crate) fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string().replace('\u{7f}', "\\u007F")
}
