//! Which Kubernetes Secrets there are, what they are made from, and who must be able to open that. What the secrets are
//! nobody here knows: they are sealed files of the fleet's repository, opened on its servers alone.

use fleet::{Fleet, HostName, Role, ShareName, UserName};
use serde::Serialize;

/// The password of Grafana's user `admin`, by its name under `secrets/`: random.
pub const GRAFANA_PASSWORD: &str = "grafana-password.age";
/// The password for the mail server, by its name under `secrets/`: only the user can make it.
pub const MAIL_PASSWORD: &str = "mail-password.age";
/// The object store's access key, by its name under `secrets/`: only the user can make it.
pub const S3_ACCESS_KEY: &str = "s3-access-key.age";
/// The object store's secret key, likewise.
pub const S3_SECRET_KEY: &str = "s3-secret-key.age";

/// One Secret of the cluster, by name only.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Secret {
    /// Where it lies.
    pub namespace: &'static str,
    /// Its name there.
    pub name: String,
    /// What it holds, in the order of the keys.
    pub keys: Vec<Entry>,
    /// The Deployment beside it that reads it at its start alone, and is started anew for every new version of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reader: Option<String>,
    /// The machines that make it: every server, since any of them may be the only one that is up.
    pub machines: Vec<HostName>,
}

/// One key of a Secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Entry {
    /// The key.
    pub key: &'static str,
    /// Where its value comes from.
    pub from: Source,
}

/// Where a value comes from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Source {
    /// These words, which are no secret.
    Words(&'static str),
    /// What the sealed file of this name under `secrets/` holds, without a newline at its end.
    File(String),
    /// A list of Samba's users in the form that sambacc reads (`samba-container-config`, v0). Who has no password yet is
    /// left out of it, so that nobody who was taken out of the list stays in it for that reason.
    SambaUsers(Vec<SambaUser>),
}

/// One user of a share.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SambaUser {
    /// The name.
    pub name: UserName,
    /// What owns the user's files: both uid and gid. Where none is given, sambacc counts them by the places in the list.
    pub uid: u32,
    /// The sealed file with the password.
    pub file: String,
}

impl Source {
    /// The sealed files that it takes.
    pub fn files(&self) -> Vec<&str> {
        match self {
            Self::Words(_) => Vec::new(),
            Self::File(file) => vec![file],
            Self::SambaUsers(users) => users.iter().map(|user| user.file.as_str()).collect(),
        }
    }
}

impl Secret {
    /// The sealed files that it is made from, each once.
    pub fn files(&self) -> Vec<&str> {
        let mut files: Vec<&str> = self.keys.iter().flat_map(|entry| entry.from.files()).collect();
        files.sort_unstable();
        files.dedup();
        files
    }
}

/// The sealed file with a Samba user's password, by its name under `secrets/`: only the user can make it.
pub fn samba_password(user: &UserName) -> String {
    format!("samba-{user}.age")
}

/// The Secret with all users of a share, in the namespace `samba`.
pub fn share_users(share: &ShareName) -> String {
    format!("share-users-{share}")
}

/// Who may use a share: those declared, else the admin.
pub fn users_of(fleet: &Fleet, share: &fleet::Share) -> Vec<UserName> {
    let mut users = if share.users.is_empty() { vec![fleet.admin.user.clone()] } else { share.users.clone() };
    users.sort();
    users.dedup();
    users
}

/// All Secrets of a fleet's cluster; none without a server to make them.
pub fn secrets(fleet: &Fleet) -> Vec<Secret> {
    let servers = fleet.machines.iter().filter(|(_, machine)| machine.role == Role::K3sServer);
    let machines: Vec<HostName> = servers.map(|(name, _)| name.clone()).collect();
    if machines.is_empty() {
        return Vec::new();
    }
    let mut all = Vec::new();
    let mut add = |namespace, name: String, keys, reader| {
        all.push(Secret { namespace, name, keys, reader, machines: machines.clone() });
    };
    let entry = |key, from| Entry { key, from };
    if let Some(monitoring) = &fleet.monitoring {
        let password = Source::File(GRAFANA_PASSWORD.to_owned());
        let keys = vec![entry("admin-user", Source::Words("admin")), entry("admin-password", password)];
        add("monitoring", "grafana-admin".to_owned(), keys, None);
        if monitoring.mail.as_ref().is_some_and(|mail| mail.user.is_some()) {
            let keys = vec![entry("password", Source::File(MAIL_PASSWORD.to_owned()))];
            add("monitoring", "alertmanager-mail".to_owned(), keys, None);
        }
        if monitoring.object_store.is_some() {
            let file = |name: &str| Source::File(name.to_owned());
            let keys = vec![entry("access-key", file(S3_ACCESS_KEY)), entry("secret-key", file(S3_SECRET_KEY))];
            add("monitoring", "thanos-s3".to_owned(), keys, None);
        }
    }
    for (name, share) in &fleet.shares {
        let users = users_of(fleet, share).into_iter().map(|name| {
            let (uid, file) = (fleet::uid(&name), samba_password(&name));
            SambaUser { name, uid, file }
        });
        let keys = vec![entry("users.json", Source::SambaUsers(users.collect()))];
        // The server of a share is called like it.
        add("samba", share_users(name), keys, Some(name.to_string()));
    }
    all
}

#[cfg(test)]
mod tests {
    use super::{Source, secrets};
    use fleet::{Fleet, Format};

    const NAS: &str = include_str!("../../../examples/nas/fleet.toml");
    const CLUSTER: &str = include_str!("../../../examples/cluster/fleet.toml");

    fn read(text: &str) -> Fleet {
        Fleet::parse(text, "fleet.toml", Format::Toml).unwrap()
    }

    #[test]
    fn the_table_of_an_example() {
        let table = secrets(&read(CLUSTER));
        let line = |secret: &super::Secret| {
            let machines: Vec<String> = secret.machines.iter().map(ToString::to_string).collect();
            let keys: Vec<&str> = secret.keys.iter().map(|entry| entry.key).collect();
            let (keys, files, machines) = (keys.join(" "), secret.files().join(" "), machines.join(" "));
            format!("{}/{} {{{keys}}} from {files} on {machines}", secret.namespace, secret.name)
        };
        let lines: Vec<String> = table.iter().map(line).collect();
        assert_eq!(
            lines,
            [
                "monitoring/grafana-admin {admin-user admin-password} from grafana-password.age on hive1 hive2 hive3",
                "monitoring/alertmanager-mail {password} from mail-password.age on hive1 hive2 hive3",
                "samba/share-users-storage {users.json} from samba-ben.age on hive1 hive2 hive3",
                "samba/share-users-timemachine {users.json} from samba-ben.age on hive1 hive2 hive3",
            ]
        );
    }

    #[test]
    fn users_and_parts_that_are_not_there() {
        let shared = NAS.replace("size = \"10TiB\"", "size = \"10TiB\"\nusers = [\"eva\", \"ben\"]");
        let table = secrets(&read(&shared));
        let users = table.iter().find(|secret| secret.name == "share-users-storage").unwrap();
        let Source::SambaUsers(users) = &users.keys[0].from else { panic!("{users:?}") };
        let names: Vec<String> = users.iter().map(|user| format!("{} {} {}", user.name, user.uid, user.file)).collect();
        assert_eq!(names, ["ben 284803 samba-ben.age", "eva 374698 samba-eva.age"]);
        let open_relay = NAS.replace(", user = \"nas\" }", " }");
        let table = secrets(&read(&open_relay));
        assert!(!table.iter().any(|secret| secret.name == "alertmanager-mail"));
        let store = "[monitoring]\nobject_store = { endpoint = \"s3.home.arpa:9000\", bucket = \"thanos\" }\n";
        let table = secrets(&read(&NAS.replace("[monitoring]\n", store)));
        let keys = table.iter().find(|secret| secret.name == "thanos-s3").unwrap();
        assert_eq!(keys.files(), ["s3-access-key.age", "s3-secret-key.age"]);
    }
}
