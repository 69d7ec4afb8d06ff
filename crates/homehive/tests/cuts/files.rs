//! Files on what is persistent, of which a test knows that they were there whole: what a machine said of each once it was
//! made sure of, and what is found later.

use super::bench::Bench;
use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader};
use std::process::{Child, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

/// Writes file after file, in turn below each of these places, each of random size and content; makes sure of file and
/// directory, and only then says the file's name, size and SHA-256. Where a writecache lies below that is not enough: in front
/// of it Linux ends a write with FUA, as that of a journal, before it is noted in the cache which block it was, and makes that
/// good within a second, or with a flush (`drivers/md/dm-writecache.c`, `writecache_map_write`). There the file is said as
/// `fsynced`, and is sure once the whole device was flushed.
const WRITE: &str = r"set -eu -o pipefail
seed=$1 count=$2 n=0
RANDOM=$seed
shift 2
cd /mnt
mountpoint -q data
for place; do
    mkdir -p $place/said/$seed
    sync $place/said $place
done
while [ $n -lt $count ]; do
    for place; do
        n=$((n + 1)) bytes=$((RANDOM * 8 + 1))
        [ $((RANDOM % 32)) -gt 0 ] || bytes=$((bytes + 4000000))
        file=$place/said/$seed/$n
        sum=$(head -c $bytes /dev/urandom | tee $file | sha256sum)
        sync $file
        sync ${file%/*}
        if [ $place = data ]; then
            echo fsynced $file $bytes ${sum%% *}
            sync /dev/mapper/nas-data
        fi
        echo sure $file $bytes ${sum%% *}
    done
done
";

/// What is written rests in the cache on the fast disk for long: has it brought to the array all the time.
const DRAIN: &str = "while sleep 1; do dmsetup message nas-data 0 flush; done </dev/null >/dev/null 2>&1 &\n";

/// How long the first file of all may take.
const FIRST: Duration = Duration::from_mins(2);

/// Files by name: how many bytes each has, and their SHA-256.
type Said = BTreeMap<String, (u64, String)>;

/// What was said.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Files {
    /// Must be there.
    sure: Said,
    /// May still have been on its way through the cache.
    fsynced: Said,
}

/// How many files are not there as they were.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Missing {
    /// Of those that must be.
    pub lost: u64,
    /// Of those that were on their way.
    pub late: u64,
}

impl Files {
    /// Notes what a whole line says.
    fn hear(&mut self, line: &str) {
        let words: Vec<&str> = line.split(' ').collect();
        let [how, name, bytes, sum] = words[..] else { panic!("`{line}` speaks of no file") };
        assert_eq!(sum.len(), 64, "{line}");
        let file = (name.to_owned(), (bytes.parse().unwrap(), sum.to_owned()));
        match how {
            "fsynced" => drop(self.fsynced.insert(file.0, file.1)),
            "sure" => {
                self.fsynced.remove(name);
                self.sure.insert(file.0, file.1);
            }
            other => panic!("`{other}`: {line}"),
        }
    }

    /// These and those.
    pub fn and(&self, others: Self) -> Self {
        let both = |one: &Said, other: Said| one.clone().into_iter().chain(other).collect();
        Self { sure: both(&self.sure, others.sure), fsynced: both(&self.fsynced, others.fsynced) }
    }

    /// How many must be there.
    pub fn count(&self) -> u64 {
        u64::try_from(self.sure.len()).unwrap()
    }

    /// How large those are together.
    pub fn bytes(&self) -> u64 {
        self.sure.values().map(|(bytes, _)| bytes).sum()
    }

    /// What is missing of them; each is told. `found` is what sha256sum(1) prints. Others may be there, too.
    fn missing(&self, found: &str) -> Missing {
        let found = found.lines().filter_map(|line| line.split_once("  "));
        let found: BTreeMap<&str, &str> = found.map(|(sum, name)| (name, sum)).collect();
        let count = |how: &str, files: &Said| {
            let missing = files.iter().filter(|(name, (_, sum))| found.get(name.as_str()) != Some(&sum.as_str()));
            let told = missing.map(|(name, (bytes, sum))| {
                let there = found.get(name.as_str()).copied().unwrap_or("gone");
                println!("{how}: {name} ({bytes} bytes) was {sum}, is {there}");
            });
            u64::try_from(told.count()).unwrap()
        };
        Missing { lost: count("LOST", &self.sure), late: count("fsynced alone", &self.fsynced) }
    }

    /// What the machine does not have of them as it was.
    pub fn missing_on(&self, bench: &Bench) -> Missing {
        if self.sure.is_empty() {
            return Missing::default();
        }
        let look = "cd /mnt && find ./said data/said -type f -print0 2>/dev/null | xargs -0 -r sha256sum";
        self.missing(&bench.run(&["lab", "ssh", "nas", "--", "sh", "-c", look]))
    }
}

/// Writes so many files to what is persistent, by this seed, and waits for them.
pub fn write(bench: &Bench, seed: u64, count: u32) -> Files {
    let (seed, count) = (seed.to_string(), count.to_string());
    let said = bench.run(&["lab", "ssh", "nas", "--", "bash", "-c", WRITE, "write", &seed, &count, "data"]);
    let mut files = Files::default();
    said.lines().for_each(|line| files.hear(line));
    files
}

/// Somebody who writes until the power goes.
pub struct Writer {
    session: Child,
    lines: Receiver<String>,
    said: Files,
}

impl Writer {
    /// One who has made sure of a first file.
    pub fn begin(bench: &Bench, seed: u64) -> Self {
        let script = [DRAIN, WRITE].concat();
        let mut command = bench.command(&["lab", "ssh", "nas", "--", "bash", "-c", &script, "write"]);
        command
            .args([&seed.to_string(), "1000000", "data", "."])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null());
        let mut session = command.spawn().unwrap();
        let mut from = BufReader::new(session.stdout.take().unwrap());
        let (tell, lines) = channel();
        std::thread::spawn(move || {
            let mut line = String::new();
            // What has no end of line was not said to the end.
            while from.read_line(&mut line).is_ok()
                && line.ends_with('\n')
                && tell.send(line.trim_end().to_owned()).is_ok()
            {
                line.clear();
            }
        });
        let mut said = Files::default();
        said.hear(&lines.recv_timeout(FIRST).expect("a first file"));
        Self { session, lines, said }
    }

    /// All that was said until the power went.
    pub fn end(mut self) -> Files {
        // Ends with the connection.
        self.lines.iter().for_each(|line| self.said.hear(&line));
        assert!(!self.session.wait().unwrap().success(), "it went on until the power went");
        self.said
    }
}

#[test]
fn a_file_is_missing_unless_it_is_what_was_said() {
    let sum = |digit: &str| digit.repeat(64);
    let mut said = Files::default();
    for (how, name, digit) in [("fsynced", 1, "a"), ("sure", 1, "a"), ("sure", 2, "b"), ("fsynced", 3, "c")] {
        said.hear(&format!("{how} said/1/{name} 10 {}", sum(digit)));
    }
    assert_eq!((said.count(), said.bytes()), (2, 20));
    let missing = |lost, late| Missing { lost, late };
    for (case, there, expected) in [
        ("all", &[(1, "a"), (2, "b"), (3, "c"), (4, "d")][..], missing(0, 0)),
        ("another content", &[(1, "a"), (2, "a"), (3, "c")], missing(1, 0)),
        ("gone", &[(2, "b"), (3, "c")], missing(1, 0)),
        ("on its way", &[(1, "a"), (2, "b")], missing(0, 1)),
        ("nothing", &[], missing(2, 1)),
    ] {
        let found: Vec<_> = there.iter().map(|(name, digit)| format!("{}  said/1/{name}\n", sum(digit))).collect();
        assert_eq!(said.missing(&found.concat()), expected, "{case}");
    }
    let both = said.and(said.clone());
    assert_eq!(both, said);
}
