//! Why facts cannot be relied upon.

/// Why facts cannot be relied upon. Each says where, why, and what to do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FactsError {
    /// The probe's first line is not there.
    #[error("the machine did not answer with a probe: run it with `sh -s` as root, and see what the shell said")]
    NoProbe,
    /// The probe or the facts are of another version of homehive.
    #[error("facts of version {found}, while this homehive reads version {known}: probe the machine again")]
    Version {
        /// What the facts say.
        found: String,
        /// What is understood here.
        known: u32,
    },
    /// The probe's last line is not there.
    #[error("the probe's output breaks off{}: probe the machine again", if section.is_empty() { String::new() } else { format!(" in section `{section}`") })]
    Truncated {
        /// The section that was begun and not ended; empty if none.
        section: String,
    },
    /// A part of the probe's output is not there.
    #[error("the probe's output lacks section `{section}`: probe the machine again")]
    NoSection {
        /// Its name.
        section: String,
    },
    /// A tool is missing on the machine, and what it would have said matters.
    #[error("`{tool}` is not installed on the machine, but {needed}: install it there, then probe again")]
    NoTool {
        /// The program.
        tool: &'static str,
        /// What calls for it.
        needed: String,
    },
    /// A tool failed on the machine.
    #[error(
        "`{tool}` failed on the machine with exit status {status}: run `{tool}` there to see why, then probe again"
    )]
    ToolFailed {
        /// The program and what it was asked about.
        tool: String,
        /// Its exit status.
        status: i32,
    },
    /// The probe may not read a device.
    #[error("no right to read `{device}`: probe as root, or let the user run `sudo -n sh`")]
    NotRoot {
        /// Its path.
        device: String,
    },
    /// What a tool printed is not understood.
    #[error("section `{section}` of the probe is not understood: {reason}; probe again, and report it if it stays so")]
    Garbled {
        /// The section.
        section: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A facts file is not JSON, or not of the schema.
    #[error("line {line}, column {column}: {reason}; facts are what `homehive probe --json` prints")]
    Json {
        /// Line of the file, from 1; 0 if no line is at fault.
        line: usize,
        /// Column, from 1; 0 if no column is at fault.
        column: usize,
        /// What is wrong.
        reason: String,
    },
    /// Two facts that cannot both be true.
    #[error("{place}: {reason}; {remedy}")]
    Senseless {
        /// What the facts are about, such as `device sda1`.
        place: String,
        /// What is wrong.
        reason: String,
        /// What to do.
        remedy: String,
    },
}
