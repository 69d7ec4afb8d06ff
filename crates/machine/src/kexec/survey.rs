//! What a Linux that is to start an installer is like, and what speaks against it. One round trip, nothing is changed.

use super::network::{Link, links};
use crate::{Machine, RunError};
use std::fmt;
use std::time::Duration;

/// What was seen.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Survey {
    /// As `uname -m` says it.
    pub arch: String,
    /// Memory in bytes.
    pub memory: u64,
    /// How much of it may be had without swapping.
    pub available: u64,
    /// Is there a `kexec` program?
    pub program: bool,
    /// Does the kernel know kexec?
    pub kernel: bool,
    /// Has somebody switched it off until the next boot (`kernel.kexec_load_disabled`)?
    pub disabled: bool,
    /// Lockdown's level; `none` if there is none.
    pub lockdown: String,
    /// Which kind of container it is, if it is one.
    pub container: Option<String>,
    /// The network as it stands: cards with global addresses.
    pub links: Vec<Link>,
}

/// One thing that speaks against it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Obstacle {
    /// The installer is made for another processor.
    Arch {
        /// Its processor.
        found: String,
        /// The installer's.
        needed: String,
    },
    /// The installer would not fit into its memory.
    Memory {
        /// Bytes that it has.
        found: u64,
        /// Bytes that it takes.
        needed: u64,
    },
    /// There is enough memory, but others have it now.
    Busy {
        /// Bytes that are free.
        available: u64,
        /// Bytes that starting it takes.
        needed: u64,
    },
    /// No kexec program.
    Program,
    /// The kernel cannot.
    Kernel,
    /// It was switched off.
    Disabled,
    /// A kernel that is locked down starts signed kernels only.
    Lockdown(String),
    /// A container has no kernel of its own.
    Container(String),
    /// No card with an address that could be carried over.
    Network,
}

/// What is asked; POSIX, and each line of the answer is a word and a value, but for the two JSON lists.
const SCRIPT: &str = r#"
value() { printf '%s %s\n' "$1" "$2"; }
value arch "$(uname -m)"
while read -r name amount _; do
    case $name in
    MemTotal:) value memory "$amount" ;;
    MemAvailable:) value available "$amount" ;;
    esac
done </proc/meminfo
value program "$(command -v kexec)"
[ ! -e /sys/kernel/kexec_loaded ] || value kernel yes
value disabled "$(cat /proc/sys/kernel/kexec_load_disabled 2>/dev/null)"
value lockdown "$(sed -n 's/.*\[\(.*\)\].*/\1/p' /sys/kernel/security/lockdown 2>/dev/null)"
container=$(systemd-detect-virt --container 2>/dev/null)
[ -n "$container" ] || container=$(tr '\0' '\n' </proc/1/environ 2>/dev/null | sed -n 's/^container=//p')
[ -n "$container" ] || [ ! -e /.dockerenv ] || container=docker
value container "$container"
for device in /sys/class/net/*/device; do
    device=${device%/device}
    value card "${device##*/}"
done
value addresses "$(ip -json address show 2>/dev/null | tr -d '\n')"
value routes "$(ip -json route show default 2>/dev/null | tr -d '\n')"
value routes6 "$(ip -6 -json route show default 2>/dev/null | tr -d '\n')"
"#;

const SOON: Duration = Duration::from_mins(1);

/// Looks at `machine`.
pub async fn survey(machine: &Machine) -> Result<Survey, RunError> {
    let output = machine.ask_script(SCRIPT, SOON).await?;
    Ok(read(&output.stdout))
}

/// Reads the answer; what is missing in it is not there.
fn read(text: &str) -> Survey {
    let all = |key: &'static str| {
        text.lines().filter_map(move |line| line.split_once(' ')).filter(move |it| it.0 == key).map(|it| it.1.trim())
    };
    let value = |key| all(key).next().unwrap_or_default();
    let bytes = |key| value(key).parse::<u64>().unwrap_or(0) * 1024;
    let cards: Vec<&str> = all("card").collect();
    Survey {
        arch: value("arch").to_owned(),
        memory: bytes("memory"),
        available: bytes("available"),
        program: !value("program").is_empty(),
        kernel: value("kernel") == "yes",
        disabled: value("disabled") == "1",
        lockdown: Some(value("lockdown")).filter(|it| !it.is_empty()).unwrap_or("none").to_owned(),
        container: Some(value("container")).filter(|it| !["", "none"].contains(it)).map(str::to_owned),
        links: links(&cards, value("addresses"), &[value("routes"), value("routes6")]),
    }
}

/// What a running installer takes beside what it is packed in: processes, the Nix database, page cache.
const RUNNING: u64 = 400 << 20;

impl Survey {
    /// Everything that speaks against starting an installer for `arch` whose kernel and initial RAM disk have `size` bytes.
    pub fn obstacles(&self, arch: &str, size: u64) -> Vec<Obstacle> {
        let mut found = Vec::new();
        if let Some(container) = &self.container {
            found.push(Obstacle::Container(container.clone()));
        }
        if self.arch != arch {
            found.push(Obstacle::Arch { found: self.arch.clone(), needed: arch.to_owned() });
        }
        // It lies there packed, and is unpacked beside that.
        let needed = 2 * size + RUNNING;
        // It lies in a file, and once more where the kernel keeps it for its successor.
        let now = 2 * size + (64 << 20);
        if self.memory < needed {
            found.push(Obstacle::Memory { found: self.memory, needed });
        } else if self.available < now {
            found.push(Obstacle::Busy { available: self.available, needed: now });
        }
        let rows = [
            (!self.program, Obstacle::Program),
            (!self.kernel, Obstacle::Kernel),
            (self.disabled, Obstacle::Disabled),
            (self.lockdown != "none", Obstacle::Lockdown(self.lockdown.clone())),
            (self.links.is_empty(), Obstacle::Network),
        ];
        found.extend(rows.into_iter().filter_map(|(so, obstacle)| so.then_some(obstacle)));
        found
    }
}

impl Obstacle {
    /// What would mend it.
    pub fn remedy(&self) -> &'static str {
        match self {
            Self::Busy { .. } => "stop what takes its memory, then try again",
            Self::Program => "install kexec-tools there (apt install kexec-tools, dnf install kexec-tools)",
            Self::Disabled => "reboot it, then try again before anything switches kexec off",
            Self::Lockdown(_) => "switch secure boot off in its firmware, or boot it from the medium",
            Self::Container(_) => "name the machine that the container runs on",
            Self::Network => "boot it from the medium (bridges, bonds and VLANs are not carried over)",
            Self::Arch { .. } | Self::Memory { .. } | Self::Kernel => "boot it from the medium",
        }
    }
}

impl fmt::Display for Obstacle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mib = |bytes: &u64| bytes >> 20;
        match self {
            Self::Arch { found, needed } => write!(f, "it is a {found}, and the installer is made for {needed}"),
            Self::Memory { found, needed } => {
                write!(f, "it has {} MiB of memory, and the installer needs {}", mib(found), mib(needed))
            }
            Self::Busy { available, needed } => {
                write!(
                    f,
                    "{} MiB of its memory are free, and starting the installer needs {}",
                    mib(available),
                    mib(needed)
                )
            }
            Self::Program => f.write_str("it has no kexec program"),
            Self::Kernel => f.write_str("its kernel cannot kexec"),
            Self::Disabled => f.write_str("kexec was switched off there until the next boot"),
            Self::Lockdown(level) => write!(f, "its kernel is locked down ({level}) and starts signed kernels only"),
            Self::Container(kind) => write!(f, "it is a container ({kind}), which has no kernel of its own"),
            Self::Network => f.write_str("none of its network cards has an address of its own"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Obstacle, SCRIPT, Survey, read};
    use crate::kexec::Link;

    const STAND_IN: &str = include_str!("survey-stand-in.txt");

    #[test]
    fn what_an_installed_machine_of_the_lab_says() {
        let survey = read(STAND_IN);
        assert_eq!((survey.arch.as_str(), survey.memory >> 20, survey.available >> 20), ("x86_64", 1460, 1297));
        assert!(survey.program && survey.kernel && !survey.disabled, "{survey:?}");
        assert_eq!((survey.lockdown.as_str(), survey.container.as_deref()), ("none", None));
        assert_eq!(survey.obstacles("x86_64", 260 << 20), []);
        assert_eq!(survey.links.len(), 1);
    }

    #[test]
    fn nothing_said_is_nothing_there() {
        let said: Vec<_> = read("").obstacles("x86_64", 1).iter().map(ToString::to_string).collect();
        assert_eq!(said.len(), 5, "{said:?}");
    }

    #[test]
    fn every_obstacle_is_seen() {
        type Spoil = fn(&mut Survey);
        let good = || Survey {
            arch: "x86_64".into(),
            memory: 2 << 30,
            available: 1 << 30,
            program: true,
            kernel: true,
            lockdown: "none".into(),
            links: vec![Link::default()],
            ..Survey::default()
        };
        let size = 300 << 20;
        assert_eq!(good().obstacles("x86_64", size), []);
        let rows: [(Spoil, Obstacle); 9] = [
            (|it| it.arch = "aarch64".into(), Obstacle::Arch { found: "aarch64".into(), needed: "x86_64".into() }),
            (|it| it.memory = 900 << 20, Obstacle::Memory { found: 900 << 20, needed: 1000 << 20 }),
            (|it| it.available = 500 << 20, Obstacle::Busy { available: 500 << 20, needed: 664 << 20 }),
            (|it| it.program = false, Obstacle::Program),
            (|it| it.kernel = false, Obstacle::Kernel),
            (|it| it.disabled = true, Obstacle::Disabled),
            (|it| it.lockdown = "integrity".into(), Obstacle::Lockdown("integrity".into())),
            (|it| it.container = Some("lxc".into()), Obstacle::Container("lxc".into())),
            (|it| it.links.clear(), Obstacle::Network),
        ];
        for (spoil, expected) in rows {
            let mut survey = good();
            spoil(&mut survey);
            assert_eq!(survey.obstacles("x86_64", size), [expected]);
        }
    }

    /// The script runs here, whatever here is like.
    #[tokio::test]
    async fn this_machine_answers() {
        let machine = crate::Machine::local("here", false);
        let said = machine.ask_script(SCRIPT, super::SOON).await.unwrap();
        let survey = read(&said.stdout);
        assert_eq!(survey.arch, std::env::consts::ARCH);
        assert!(survey.memory > 0 && survey.available <= survey.memory, "{survey:?}");
    }
}
