//! The difference that a new system makes on a machine: what the machine runs, beside what was built here.

use crate::args::BuildOn;
use cmd::Cmd;
use machine::difference::{BOOTED_WITH, Change, Contents, Difference, Kind, Packages, Units, reboot_needed};
use machine::{Machine, RunError, run_local};
use payload::Closure;
use std::fmt::Write as _;
use std::path::Path;
use std::time::Duration;
use storage::Size;

const SCRIPT: &str = include_str!("contents.sh");
/// A closure of thousands of paths on a slow disk.
const ASK: Duration = Duration::from_mins(3);

/// The lines of `text` that begin with `word`, without it.
fn lines(text: &str, word: &str) -> String {
    text.lines().filter_map(|line| line.strip_prefix(word)?.strip_prefix(' ')).flat_map(|line| [line, "\n"]).collect()
}

/// Packages and what needs a reboot; the new system has to be where it was built, and nowhere else.
pub async fn packages(machine: &Machine, new: &Closure, built_on: BuildOn) -> Result<Difference, RunError> {
    let said = machine.ask_script(SCRIPT, ASK).await?;
    if said.status != 0 {
        let words = "nix-store --query".to_owned();
        return Err(RunError::Failed { words, status: said.status, stderr: said.stderr });
    }
    let before = Contents::read(&lines(&said.stdout, "path"), &lines(&said.stdout, "size"));
    let paths: String = new.paths.iter().flat_map(|path| [path.as_str(), "\n"]).collect();
    let sizes = Cmd::new("xargs").args(["nix-store", "--query", "--size"]).input(paths.clone());
    let (sizes, boots_with) = match built_on {
        BuildOn::Local => (run_local(&sizes, ASK).await?, boots_with(Path::new(new.path.as_str()))),
        BuildOn::Target => (machine.run(&sizes, ASK).await?, boots_with_there(machine, new).await?),
    };
    let after = Contents::read(&paths, &sizes.stdout);
    let booted = lines(&said.stdout, "booted");
    Ok(Difference {
        packages: Packages::between(&before, &after),
        units: None,
        reboot: reboot_needed(&booted, &boots_with),
    })
}

/// What a system of this machine's store boots with.
fn boots_with(system: &Path) -> String {
    let mut text = String::new();
    for name in BOOTED_WITH {
        if let Ok(path) = std::fs::canonicalize(system.join(name)) {
            let _ = writeln!(text, "{name} {}", path.display());
        }
    }
    text
}

/// What a system of that machine's store boots with.
async fn boots_with_there(machine: &Machine, system: &Closure) -> Result<String, RunError> {
    let mut text = String::new();
    for name in BOOTED_WITH {
        let said = machine.ask(&Cmd::new("realpath").args(["-e", &system.path.file(name)]), ASK).await?;
        if said.status == 0 {
            let _ = writeln!(text, "{name} {}", said.stdout.trim());
        }
    }
    Ok(text)
}

/// What becomes of the units, by the new system's own word; it has to be on the machine.
pub async fn units(machine: &Machine, new: &Closure) -> Result<Units, String> {
    let dry = Cmd::new(&new.path.file("bin/switch-to-configuration")).arg("dry-activate");
    let said = machine.ask(&dry, ASK).await.map_err(|error| error.to_string())?;
    if said.status != 0 {
        return Err(format!("exit status {}: {}", said.status, said.stderr.trim()));
    }
    Ok(Units::read(&format!("{}\n{}", said.stdout, said.stderr)))
}

/// The difference for people, indented below a machine's name.
pub fn text(difference: &Difference) -> String {
    let mut text = String::new();
    let packages = &difference.packages;
    let count = |kind| packages.changes.iter().filter(|change| change.kind == kind).count();
    let _ = writeln!(
        text,
        "  packages: {} added, {} removed, {} changed, {} rebuilt; {} ({} to {})",
        count(Kind::Added),
        count(Kind::Removed),
        count(Kind::Changed),
        packages.rebuilt,
        signed(packages.after.cast_signed() - packages.before.cast_signed()),
        Size(packages.before),
        Size(packages.after),
    );
    let width = packages.changes.iter().map(|change| change.name.len()).max().unwrap_or(0);
    for change in &packages.changes {
        let _ = writeln!(text, "    {}", row(change, width).trim_end());
    }
    if let Some(units) = &difference.units {
        for (what, names) in [
            ("stop", &units.stop),
            ("start", &units.start),
            ("restart", &units.restart),
            ("reload", &units.reload),
            ("leave as they are until the next boot", &units.untouched),
        ] {
            if !names.is_empty() {
                let _ = writeln!(text, "  units to {what}: {}", names.join(", "));
            }
        }
        if units.is_empty() {
            let _ = writeln!(text, "  units: none is touched");
        }
    }
    if !difference.reboot.is_empty() {
        let _ = writeln!(text, "  reboot needed: {} changed since it was booted", difference.reboot.join(", "));
    }
    text
}

fn row(change: &Change, width: usize) -> String {
    let versions = |versions: &[String]| {
        let named = versions.iter().map(|version| if version.is_empty() { "∅" } else { version.as_str() });
        named.collect::<Vec<_>>().join(", ")
    };
    let (before, after) = (versions(&change.before), versions(&change.after));
    let (mark, told) = match change.kind {
        Kind::Added => ('+', after),
        Kind::Removed => ('-', before),
        Kind::Changed if before == after => ('~', before),
        Kind::Changed => ('~', format!("{before} → {after}")),
    };
    let told = if told == "∅" { String::new() } else { format!("{told}  ") };
    format!("{mark} {:width$}  {told}{}", change.name, signed(change.bytes))
}

/// Bytes more or less.
fn signed(bytes: i64) -> String {
    match bytes {
        0 => "same size".to_owned(),
        ..0 => format!("-{}", Size(bytes.unsigned_abs())),
        _ => format!("+{}", Size(bytes.unsigned_abs())),
    }
}

#[cfg(test)]
mod tests {
    use super::text;
    use machine::difference::{Contents, Difference, Packages, Units};

    #[test]
    fn differences_for_people() {
        let contents = |paths: &[(&str, u64)]| {
            Contents(paths.iter().map(|(path, size)| (format!("/nix/store/{path}"), *size)).collect())
        };
        let before = contents(&[
            ("00000000000000000000000000000001-openssh-9.8", 5_000_000),
            ("00000000000000000000000000000002-gone-1.0", 1_048_576),
            ("00000000000000000000000000000003-etc", 900),
            ("00000000000000000000000000000004-linux-7.1", 90_000_000),
        ]);
        let after = contents(&[
            ("00000000000000000000000000000005-openssh-9.9", 5_200_000),
            ("00000000000000000000000000000006-new", 2_097_152),
            ("00000000000000000000000000000007-etc", 901),
            ("00000000000000000000000000000008-linux-7.1", 90_100_000),
        ]);
        let units =
            Units { restart: vec!["sshd.service".into()], stop: vec!["gone.service".into()], ..Units::default() };
        let mut difference = Difference {
            packages: Packages::between(&before, &after),
            units: Some(units),
            reboot: vec!["kernel".into()],
        };
        insta::assert_snapshot!("changed", text(&difference));
        difference =
            Difference { packages: Packages::between(&after, &after), units: Some(Units::default()), reboot: vec![] };
        insta::assert_snapshot!("same", text(&difference));
    }
}
