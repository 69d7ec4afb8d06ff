//! The probe's output cut into its sections; what is in them is not looked at.

use crate::facts::FactsError;
use std::collections::BTreeMap;

/// What one tool printed, and its exit status.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Section<'a> {
    pub text: &'a str,
    pub status: i32,
}

/// All sections by name.
#[derive(Debug)]
pub(super) struct Sections<'a>(BTreeMap<&'a str, Section<'a>>);

/// The exit status with which a shell says that a program is not there.
pub(super) const NOT_FOUND: i32 = 127;

impl<'a> Sections<'a> {
    /// Cuts the output; what a login shell may have said before the first line is passed over.
    pub fn cut(output: &'a str) -> Result<Self, FactsError> {
        let mark = "%% homehive-probe ";
        let start = if output.starts_with(mark) { Some(0) } else { output.find(&format!("\n{mark}")).map(|at| at + 1) };
        let mut rest = &output[start.ok_or(FactsError::NoProbe)?..];
        let version = line(&mut rest).unwrap_or_default()[mark.len()..].trim();
        if version != "1" {
            return Err(FactsError::Version { found: version.to_owned(), known: 1 });
        }
        let mut sections = BTreeMap::new();
        while let Some(text) = line(&mut rest) {
            let Some(name) = text.strip_prefix("%% ") else { continue };
            if name == "end" {
                return Ok(Self(sections));
            }
            let truncated = || FactsError::Truncated { section: name.to_owned() };
            let end = format!("\n%% {name} ");
            let at = rest.find(&end).ok_or_else(truncated)?;
            let text = &rest[..at];
            rest = &rest[at + end.len()..];
            let status = line(&mut rest).and_then(|status| status.trim().parse().ok()).ok_or_else(truncated)?;
            sections.insert(name, Section { text, status });
        }
        Err(FactsError::Truncated { section: String::new() })
    }

    /// The section of this name, whatever became of its tool.
    pub fn get(&self, name: &str) -> Result<Section<'a>, FactsError> {
        self.0.get(name).copied().ok_or_else(|| FactsError::NoSection { section: name.to_owned() })
    }

    /// What a tool printed that must be there and have done its work.
    pub fn tool(&self, name: &str, tool: &'static str) -> Result<&'a str, FactsError> {
        match self.get(name)? {
            Section { status: 0, text } => Ok(text),
            Section { status: NOT_FOUND, .. } => {
                Err(FactsError::NoTool { tool, needed: "nothing is known of its disks without it".to_owned() })
            }
            Section { status, .. } => Err(FactsError::ToolFailed { tool: tool.to_owned(), status }),
        }
    }
}

/// Takes the first line off a text.
fn line<'a>(rest: &mut &'a str) -> Option<&'a str> {
    if rest.is_empty() {
        return None;
    }
    let (line, after) = rest.split_once('\n').unwrap_or((rest, ""));
    *rest = after;
    Some(line)
}

#[cfg(test)]
mod tests {
    use super::{Section, Sections};

    #[test]
    fn cuts() {
        let sections =
            Sections::cut("motd\n%% homehive-probe 1\n\n%% a\nx\n%% b\n\n%% a 0\n\n%% b\n\n%% b 127\n%% end\n");
        let sections = sections.unwrap();
        assert_eq!(sections.get("a"), Ok(Section { text: "x\n%% b\n", status: 0 }));
        assert_eq!(sections.get("b"), Ok(Section { text: "", status: 127 }));
        assert!(sections.get("c").is_err());
    }

    #[test]
    fn refuses() {
        for (case, text, reason) in [
            ("nothing", "", "did not answer"),
            ("another program", "sh: 1: syntax error\n", "did not answer"),
            ("another version", "%% homehive-probe 2\n", "version 2"),
            ("cut in a section", "%% homehive-probe 1\n\n%% a\nx\n", "in section `a`"),
            ("cut in a status", "%% homehive-probe 1\n\n%% a\nx\n%% a ", "in section `a`"),
            ("cut between sections", "%% homehive-probe 1\n\n%% a\nx\n%% a 0\n", "breaks off"),
        ] {
            let error = Sections::cut(text).unwrap_err().to_string();
            assert!(error.contains(reason), "{case}: {error}");
        }
    }
}
