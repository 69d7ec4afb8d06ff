//! Who may log in, how, and what they may do then.

use super::{at, complaint, output, verdict};
use crate::Printed;
use crate::judge::Verdict;
use schemars::JsonSchema;
use serde::Serialize;

/// What is true of logins and the admin user.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum AccessRule {
    /// What `sshd -T` prints: keys only, no root.
    Daemon,
    /// An attempt to log in without a key is refused, and the server offers nothing but keys.
    KeysOnly,
    /// An attempt to log in as root is refused.
    NoRoot,
    /// What `id USER` prints: the user is in this group.
    InGroup {
        /// The group.
        group: String,
    },
    /// `sudo -n id -u` prints 0.
    Sudo,
    /// The file of authorized keys holds all of these.
    Keys {
        /// Key lines of which type and data count.
        keys: Vec<String>,
    },
    /// The user's line of the shadow file: no password fits.
    Locked {
        /// The user.
        user: String,
    },
}

impl AccessRule {
    pub(super) fn judge(&self, answers: &[&Printed]) -> Verdict {
        match self {
            Self::Daemon => daemon(output(answers, 0)?),
            Self::KeysOnly => keys_only(at(answers, 0)?),
            Self::NoRoot => no_root(at(answers, 0)?),
            Self::InGroup { group } => in_group(output(answers, 0)?, group),
            Self::Sudo => match output(answers, 0)?.trim() {
                "0" => Ok("sudo asks for no password".to_owned()),
                other => Err(format!("sudo gave user id `{other}`, not 0")),
            },
            Self::Keys { keys } => has_keys(output(answers, 0)?, keys),
            Self::Locked { user } => locked(output(answers, 0)?, user),
        }
    }
}

/// What `sshd_config(5)` calls the settings; each with the values that are right.
const SETTINGS: [(&str, &[&str]); 6] = [
    ("pubkeyauthentication", &["yes"]),
    ("passwordauthentication", &["no"]),
    ("kbdinteractiveauthentication", &["no"]),
    ("permitemptypasswords", &["no"]),
    ("hostbasedauthentication", &["no"]),
    ("permitrootlogin", &["no"]),
];

fn daemon(config: &str) -> Verdict {
    let value = |key: &str| {
        config.lines().find_map(|line| line.trim().split_once(' ').filter(|(name, _)| name.eq_ignore_ascii_case(key)))
    };
    let mut wrong = Vec::new();
    for (key, right) in SETTINGS {
        match value(key).map(|(_, value)| value.trim()) {
            Some(found) if right.contains(&found) => {}
            Some(found) => wrong.push(format!("{key} is {found}")),
            None => wrong.push(format!("{key} is not told")),
        }
    }
    verdict(&wrong, "keys only, no passwords, no root")
}

/// The methods that the server goes on to offer, from ssh's `Permission denied (publickey,password).`
fn offered(stderr: &str) -> Option<Vec<&str>> {
    let (_, rest) = stderr.rsplit_once("Permission denied (")?;
    let (methods, _) = rest.split_once(')')?;
    Some(methods.split(',').map(str::trim).collect())
}

fn keys_only(attempt: &Printed) -> Verdict {
    if attempt.status == 0 {
        return Err("a login without any key succeeded".to_owned());
    }
    match offered(&attempt.stderr).as_deref() {
        Some(["publickey"]) => Ok("refused; the server offers publickey only".to_owned()),
        Some(methods) => Err(format!("refused, but the server offers {}", methods.join(", "))),
        None => Err(format!("the attempt never came to be refused: {}", complaint(attempt))),
    }
}

fn no_root(attempt: &Printed) -> Verdict {
    if attempt.status == 0 {
        return Err("root was let in".to_owned());
    }
    match offered(&attempt.stderr) {
        Some(methods) => Ok(format!("refused ({})", methods.join(", "))),
        None if attempt.stderr.contains("Too many authentication failures") => {
            Ok("every key offered was refused".to_owned())
        }
        None => Err(format!("the attempt never came to be refused: {}", complaint(attempt))),
    }
}

fn in_group(id: &str, group: &str) -> Verdict {
    let groups = id.trim().rsplit_once("groups=").map(|(_, groups)| groups).unwrap_or_default();
    // SELinux adds ` context=…` behind the groups.
    let groups = groups.split(' ').next().unwrap_or_default();
    let mut names = groups.split(',').filter_map(|entry| entry.split_once('(')?.1.strip_suffix(')'));
    if names.any(|name| name == group) {
        Ok(id.trim().to_owned())
    } else {
        Err(format!("not in {group}: {}", id.trim()))
    }
}

/// Type and data of a line of authorized keys, past any options in front.
fn key(line: &str) -> Option<(&str, &str)> {
    let words: Vec<&str> = line.split_whitespace().collect();
    let is_type = |word: &str| ["ssh-", "ecdsa-", "sk-"].iter().any(|start| word.starts_with(start));
    words.windows(2).find(|pair| is_type(pair[0]) && pair[1].starts_with("AAAA")).map(|pair| (pair[0], pair[1]))
}

fn has_keys(file: &str, wanted: &[String]) -> Verdict {
    let lines = || file.lines().filter(|line| !line.trim_start().starts_with('#'));
    let mut wrong = Vec::new();
    for line in wanted {
        let Some(wanted) = key(line) else {
            wrong.push("a declared key cannot be read: report this as a bug".to_owned());
            continue;
        };
        if !lines().any(|line| key(line) == Some(wanted)) {
            let comment = line.split_whitespace().nth(2).unwrap_or(wanted.0);
            wrong.push(format!("key {comment} is not authorized"));
        }
    }
    if wanted.is_empty() {
        wrong.push("no key is declared".to_owned());
    }
    let others = lines().filter_map(key).count().saturating_sub(wanted.len());
    let tail = if others == 0 { String::new() } else { format!(", and {others} that are not declared") };
    verdict(&wrong, format!("{} declared{tail}", wanted.len()))
}

/// shadow(5): a password field that no hash can equal starts with `!` or `*`; an empty one lets everybody in.
fn locked(line: &str, user: &str) -> Verdict {
    let mut fields = line.trim().split(':');
    if fields.next() != Some(user) {
        return Err(format!("no shadow entry of {user}"));
    }
    match fields.next() {
        Some(field) if field.starts_with(['!', '*']) => Ok("no password fits".to_owned()),
        Some("") => Err("the password is empty: anybody may log in on the console".to_owned()),
        Some(_) => Err("a password is set".to_owned()),
        None => Err(format!("the shadow entry of {user} is cut short")),
    }
}

#[cfg(test)]
mod tests {
    use super::AccessRule;
    use crate::Printed;

    fn printed(status: i32, stdout: &str, stderr: &str) -> Printed {
        Printed { status, stdout: stdout.into(), stderr: stderr.into() }
    }

    /// From OpenSSH 9.2's `sshd -T`, shortened.
    const GOOD: &str = "port 22\npermitrootlogin no\nhostbasedauthentication no\npubkeyauthentication yes\n\
                        passwordauthentication no\nkbdinteractiveauthentication no\npermitemptypasswords no\n";

    #[test]
    fn tables() {
        const KEY: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGtrM0Vu ben@laptop";
        let keys = || AccessRule::Keys { keys: vec![KEY.to_owned()] };
        let wheel = || AccessRule::InGroup { group: "wheel".into() };
        let locked = || AccessRule::Locked { user: "ben".into() };
        let weak = GOOD.replace("passwordauthentication no", "passwordauthentication yes");
        let root = GOOD.replace("permitrootlogin no", "permitrootlogin prohibit-password");
        let silent = GOOD.replace("kbdinteractiveauthentication no\n", "");
        let id = "uid=1000(ben) gid=100(users) groups=100(users),1(wheel)\n";
        let restricted = format!("# keys\nrestrict,command=\"true false\" {KEY}\n");
        let cases: Vec<(&str, AccessRule, Printed, Result<&str, &str>)> = vec![
            ("sshd good", AccessRule::Daemon, printed(0, GOOD, ""), Ok("keys only")),
            ("sshd passwords", AccessRule::Daemon, printed(0, &weak, ""), Err("passwordauthentication is yes")),
            ("sshd root", AccessRule::Daemon, printed(0, &root, ""), Err("permitrootlogin is prohibit-password")),
            (
                "sshd silent",
                AccessRule::Daemon,
                printed(0, &silent, ""),
                Err("kbdinteractiveauthentication is not told"),
            ),
            ("sshd empty", AccessRule::Daemon, printed(0, "", ""), Err("pubkeyauthentication is not told")),
            ("sshd fails", AccessRule::Daemon, printed(255, GOOD, "sshd: no hostkeys available"), Err("no hostkeys")),
            (
                "keys only",
                AccessRule::KeysOnly,
                printed(255, "", "ben@127.0.0.1: Permission denied (publickey).\r\n"),
                Ok("publickey only"),
            ),
            (
                "password offered",
                AccessRule::KeysOnly,
                printed(255, "", "ben@nas: Permission denied (publickey,password,keyboard-interactive).\r\n"),
                Err("offers publickey, password"),
            ),
            ("let in", AccessRule::KeysOnly, printed(0, "", ""), Err("succeeded")),
            (
                "not reached",
                AccessRule::KeysOnly,
                printed(255, "", "ssh: connect to host nas port 22: Connection refused\n"),
                Err("Connection refused"),
            ),
            (
                "host key",
                AccessRule::KeysOnly,
                printed(255, "", "Host key verification failed.\r\n"),
                Err("never came to be refused"),
            ),
            ("root in", AccessRule::NoRoot, printed(0, "0\n", ""), Err("root was let in")),
            (
                "root out",
                AccessRule::NoRoot,
                printed(255, "", "root@nas: Permission denied (publickey).\r\n"),
                Ok("refused (publickey)"),
            ),
            (
                "many keys",
                AccessRule::NoRoot,
                printed(255, "", "Received disconnect from 10.0.0.1 port 22:2: Too many authentication failures\n"),
                Ok("every key"),
            ),
            ("root unreached", AccessRule::NoRoot, printed(255, "", "Connection timed out\n"), Err("timed out")),
            ("wheel", wheel(), printed(0, id, ""), Ok("uid=1000(ben)")),
            (
                "not wheel",
                wheel(),
                printed(0, "uid=1000(ben) gid=100(users) groups=100(users)", ""),
                Err("not in wheel"),
            ),
            ("wheelbarrow", wheel(), printed(0, "uid=1(ben) gid=1(x) groups=7(wheelbarrow)", ""), Err("not in wheel")),
            ("user wheel", wheel(), printed(0, "uid=1(wheel) gid=1(wheel) groups=7(x)", ""), Err("not in wheel")),
            ("no user", wheel(), printed(1, "", "id: 'ben': no such user"), Err("no such user")),
            ("sudo", AccessRule::Sudo, printed(0, "0\n", ""), Ok("no password")),
            ("sudo asks", AccessRule::Sudo, printed(1, "", "sudo: a password is required"), Err("is required")),
            ("sudo to another", AccessRule::Sudo, printed(0, "1000\n", ""), Err("`1000`")),
            ("key", keys(), printed(0, &format!("{KEY}\n"), ""), Ok("1 declared")),
            ("key with options", keys(), printed(0, &restricted, ""), Ok("1 declared")),
            ("key in a comment", keys(), printed(0, &format!("#{KEY}\n"), ""), Err("ben@laptop is not authorized")),
            ("no key", keys(), printed(0, "\n", ""), Err("ben@laptop is not authorized")),
            ("locked", locked(), printed(0, "ben:!:19700::::::\n", ""), Ok("no password fits")),
            ("password", locked(), printed(0, "ben:$y$j9T$x:19700::::::\n", ""), Err("a password is set")),
            ("empty", locked(), printed(0, "ben::19700::::::\n", ""), Err("empty")),
            ("other user", locked(), printed(0, "benjamin:!:1::::::\n", ""), Err("no shadow entry")),
            ("nobody", locked(), printed(2, "", ""), Err("exit status 2")),
        ];
        for (case, rule, printed, wanted) in cases {
            match (rule.judge(&[&printed]), wanted) {
                (Ok(found), Ok(wanted)) | (Err(found), Err(wanted)) => {
                    assert!(found.contains(wanted), "{case}: {found}");
                }
                (found, _) => panic!("{case}: {found:?}"),
            }
        }
    }
}
