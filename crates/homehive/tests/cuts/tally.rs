//! A cut as one line, and many of them as one table; the lines of several runs may lie in one file.

use super::moment::Kind;
use std::collections::BTreeMap;
use std::fmt::{self, Write as _};
use std::fs;
use std::io::Write as _;
use std::str::FromStr;

/// How the run after a cut ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// As an undisturbed one, with nothing left to do.
    Same,
    /// Otherwise.
    Differs,
    /// It does not go on.
    Stuck,
}

/// What became of one cut.
#[derive(Clone, Debug, PartialEq)]
pub struct Cut {
    pub kind: Kind,
    /// The seed, or the number of the step.
    pub number: u64,
    /// Seconds after it began; none right behind a step.
    pub at: f64,
    pub lose: String,
    /// Writes that the drives had not flushed, and how many of them were forgotten wholly or in part.
    pub unflushed: u64,
    pub forgotten: u64,
    /// Files that had to be there, and their bytes.
    pub files: u64,
    pub bytes: u64,
    /// How many of them were not there as they had been.
    pub lost: u64,
    /// How many others, of which fsync(2) alone had made sure, above a writecache.
    pub late: u64,
    pub end: End,
}

impl Cut {
    pub fn is_well(&self) -> bool {
        self.end == End::Same && self.lost == 0
    }
}

impl fmt::Display for Cut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { kind, number, at, lose, unflushed, forgotten, files, bytes, lost, late, end } = self;
        let end = match end {
            End::Same => "same",
            End::Differs => "differs",
            End::Stuck => "stuck",
        };
        write!(f, "cut {kind} {number} at={at:.1} lose={lose} unflushed={unflushed} forgotten={forgotten} ")?;
        write!(f, "files={files} bytes={bytes} lost={lost} late={late} end={end}")
    }
}

impl FromStr for Cut {
    type Err = String;

    fn from_str(line: &str) -> Result<Self, String> {
        let wrong = |why: &dyn fmt::Display| format!("`{line}` tells of no cut: {why}");
        let words: Vec<&str> = line.split(' ').collect();
        let ["cut", kind, number, rest @ ..] = words.as_slice() else { return Err(wrong(&"its first words")) };
        let word = |key: &str| {
            let found = rest.iter().find_map(|word| word.strip_prefix(key)?.strip_prefix('='));
            found.ok_or_else(|| wrong(&key))
        };
        let count = |key: &str| word(key)?.parse::<u64>().map_err(|error| wrong(&error));
        Ok(Self {
            kind: kind.parse().map_err(|error| wrong(&error))?,
            number: number.parse().map_err(|error| wrong(&error))?,
            at: word("at")?.parse().map_err(|error| wrong(&error))?,
            lose: word("lose")?.to_owned(),
            unflushed: count("unflushed")?,
            forgotten: count("forgotten")?,
            files: count("files")?,
            bytes: count("bytes")?,
            lost: count("lost")?,
            late: count("late")?,
            end: match word("end")? {
                "same" => End::Same,
                "differs" => End::Differs,
                "stuck" => End::Stuck,
                other => return Err(wrong(&other)),
            },
        })
    }
}

/// All cuts of a run, or of several that keep their lines in the file that `HOMEHIVE_CUT_LINES` names. Of cuts that were
/// made twice the later one counts.
#[derive(Default)]
pub struct Tally {
    cuts: Vec<Cut>,
}

impl Tally {
    /// Prints it, and keeps it in the file.
    pub fn add(&mut self, cut: Cut) {
        println!("{cut}");
        if let Some(path) = super::wanted("HOMEHIVE_CUT_LINES") {
            // One write of a line's length is whole, whoever else appends.
            let mut file = fs::File::options().append(true).create(true).open(path).unwrap();
            file.write_all(format!("{cut}\n").as_bytes()).unwrap();
        }
        self.cuts.push(cut);
    }

    /// Prints the table, of the whole file if there is one, and panics unless each cut of this run ended well.
    pub fn close(self) {
        let kept = super::wanted("HOMEHIVE_CUT_LINES").and_then(|path| fs::read_to_string(path).ok());
        match kept {
            Some(text) => println!("{}", table(&text.lines().map(|line| line.parse().unwrap()).collect::<Vec<_>>())),
            None => println!("{}", table(&self.cuts)),
        }
        let bad: Vec<String> = self.cuts.iter().filter(|cut| !cut.is_well()).map(ToString::to_string).collect();
        assert!(bad.is_empty(), "{} of {} cuts, each told above:\n{}", bad.len(), self.cuts.len(), bad.join("\n"));
    }
}

fn table(cuts: &[Cut]) -> String {
    let latest: BTreeMap<(Kind, u64), &Cut> = cuts.iter().map(|cut| ((cut.kind, cut.number), cut)).collect();
    let mut table = format!(
        "{:10}{:>6}{:>12}{:>12}{:>12}{:>8}{:>14}{:>6}{:>6}\n",
        "kind", "cuts", "other end", "unflushed", "forgotten", "files", "bytes", "lost", "late"
    );
    let mut row = |name: &str, cuts: &[&Cut]| {
        let sum = |of: fn(&Cut) -> u64| cuts.iter().map(|cut| of(cut)).sum::<u64>();
        let other = cuts.iter().filter(|cut| cut.end != End::Same).count();
        let (unflushed, forgotten) = (sum(|it| it.unflushed), sum(|it| it.forgotten));
        let (files, bytes) = (sum(|it| it.files), sum(|it| it.bytes));
        let (lost, late) = (sum(|it| it.lost), sum(|it| it.late));
        let cuts = cuts.len();
        writeln!(
            table,
            "{name:10}{cuts:>6}{other:>12}{unflushed:>12}{forgotten:>12}{files:>8}{bytes:>14}{lost:>6}{late:>6}"
        )
    };
    for kind in Kind::ALL {
        let of: Vec<&Cut> = latest.values().copied().filter(|cut| cut.kind == kind).collect();
        if !of.is_empty() {
            row(&kind.to_string(), &of).unwrap();
        }
    }
    row("all", &latest.values().copied().collect::<Vec<_>>()).unwrap();
    table
}

#[test]
fn lines_of_several_runs_make_one_table() {
    let lines = "cut apply 7 at=13.5 lose=all unflushed=16 forgotten=16 files=0 bytes=0 lost=0 late=1 end=same
cut writes 8 at=2.0 lose=some unflushed=90 forgotten=41 files=12 bytes=4096 lost=2 late=1 end=same
cut step 3 at=0.0 lose=all unflushed=0 forgotten=0 files=0 bytes=0 lost=0 late=1 end=stuck
cut writes 8 at=2.0 lose=some unflushed=80 forgotten=40 files=12 bytes=4096 lost=1 late=1 end=same
cut writes 9 at=2.5 lose=torn unflushed=1 forgotten=1 files=20 bytes=1000 lost=0 late=1 end=differs";
    let cuts: Vec<Cut> = lines.lines().map(|line| line.parse().unwrap()).collect();
    assert_eq!(cuts.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"), lines);
    assert_eq!(cuts.iter().map(Cut::is_well).collect::<Vec<_>>(), [true, false, false, false, false]);
    insta::assert_snapshot!(table(&cuts), @"
    kind        cuts   other end   unflushed   forgotten   files         bytes  lost  late
    step           1           1           0           0       0             0     0     1
    apply          1           0          16          16       0             0     0     1
    writes         2           1          81          41      32          5096     1     2
    all            4           2          97          57      32          5096     1     4
    ");
    assert!("cut writes 8".parse::<Cut>().is_err() && "pull apply 7".parse::<Cut>().is_err());
}
