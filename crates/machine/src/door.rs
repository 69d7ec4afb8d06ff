//! The one door: words go in, what they answered comes out, whether the machine is this one or another.

use crate::lock::Lock;
use crate::process::{self, Output, RunError, ask_local, check};
use crate::ssh::{Address, Ssh};
use crate::story::{Event, Story};
use cmd::{Cmd, Fault, Line, Program};
use std::io;
use std::time::Duration;
use tokio::time::Instant;

/// A machine to run words on.
#[derive(Debug)]
pub struct Machine {
    name: String,
    door: Door,
    sudo: bool,
    story: Story,
}

#[derive(Debug)]
enum Door {
    Local,
    Ssh(Box<Ssh>),
}

/// What a program as a whole is called, where no command of it failed.
const SCRIPT: &str = "sh -s";
/// How many bytes of what a command printed are told.
const SHOWN: usize = 2000;

/// Why a [`Program`] did not run to its end.
#[derive(Debug, thiserror::Error)]
pub enum ProgramError {
    /// A command could not be run, or did not end in time.
    #[error(transparent)]
    Run(#[from] RunError),
    /// A command answered something else than what had to be so for the next one to be safe.
    #[error("`{words}` answers `{found}` instead of `{expected}`")]
    Unexpected {
        /// The command.
        words: String,
        /// What it had to answer.
        expected: String,
        /// What it answered.
        found: String,
    },
}

impl ProgramError {
    /// Is it sure that the program has changed nothing? What it asks comes before what it does.
    pub(crate) fn is_untouched(&self) -> bool {
        match self {
            Self::Unexpected { .. } => true,
            // The lock was lost: see `step.sh`.
            Self::Run(RunError::Failed { words, status: 75, .. }) => words == SCRIPT,
            Self::Run(_) => false,
        }
    }
}

impl Machine {
    /// This machine; `sudo` if root's rights are needed and not there yet.
    pub fn local(name: &str, sudo: bool) -> Self {
        Self { name: name.to_owned(), door: Door::Local, sudo, story: Story::silent() }
    }

    /// A machine behind SSH. Nothing is connected yet.
    pub fn ssh(name: &str, address: Address) -> io::Result<Self> {
        let sudo = address.user != "root";
        Ok(Self { name: name.to_owned(), door: Door::Ssh(Box::new(Ssh::new(address)?)), sudo, story: Story::silent() })
    }

    /// The same machine, whose commands are told to `story`.
    #[must_use]
    pub fn telling(mut self, story: &Story) -> Self {
        self.story = story.clone();
        self
    }

    /// The machine's name in the fleet.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Runs `cmd` as root; any exit status is an answer.
    pub async fn ask(&self, cmd: &Cmd, deadline: Duration) -> Result<Output, RunError> {
        self.ask_as_login(&self.as_root(cmd), deadline).await
    }

    /// Runs `cmd` as root; what it prints is told to nobody, for it may hold anything.
    pub(crate) async fn ask_untold(&self, cmd: &Cmd, deadline: Duration) -> Result<Output, RunError> {
        let cmd = self.as_root(cmd);
        self.tell_words(&cmd);
        self.pass(&cmd, deadline).await
    }

    fn as_root(&self, cmd: &Cmd) -> Cmd {
        let sudo = ["sudo", "-n", "--"].into_iter().filter(|_| self.sudo).map(cmd::Word::from);
        Cmd { words: sudo.chain(cmd.words.iter().cloned()).collect(), ..cmd.clone() }
    }

    async fn pass(&self, cmd: &Cmd, deadline: Duration) -> Result<Output, RunError> {
        match &self.door {
            Door::Local => ask_local(cmd, deadline).await,
            Door::Ssh(ssh) => ssh.ask(cmd, deadline).await,
        }
    }

    /// Runs `cmd` as root; an exit status other than 0 is an error.
    pub async fn run(&self, cmd: &Cmd, deadline: Duration) -> Result<Output, RunError> {
        check(self.ask(cmd, deadline).await?, &cmd.brief())
    }

    /// Runs `cmd` as the user who logs in; any exit status is an answer.
    pub async fn ask_as_login(&self, cmd: &Cmd, deadline: Duration) -> Result<Output, RunError> {
        self.tell_words(cmd);
        let output = self.pass(cmd, deadline).await;
        self.tell_output(&output);
        output
    }

    fn tell_output(&self, output: &Result<Output, RunError>) {
        if let Ok(output) = output {
            let end = [output.stdout.trim_end(), output.stderr.trim_end()].join("\n");
            let from = end.len().saturating_sub(SHOWN);
            let end = end.get(end.ceil_char_boundary(from)..).unwrap_or_default().trim().to_owned();
            self.story.tell(Event::Printed { machine: self.name.clone(), status: output.status, end });
        }
    }

    pub(crate) fn tell_words(&self, cmd: &Cmd) {
        self.story.tell(Event::Command { machine: self.name.clone(), words: cmd.to_string() });
    }

    /// Runs a shell script as root in one round trip; it travels on standard input. Any exit status is an answer.
    pub async fn ask_script(&self, script: &str, deadline: Duration) -> Result<Output, RunError> {
        self.ask(&Cmd::new("sh").arg("-s").input(script), deadline).await
    }

    /// Runs several commands as root in one round trip, until the first that fails.
    pub async fn run_program(&self, program: &Program, deadline: Duration) -> Result<(), ProgramError> {
        let script = program.to_sh(cmd::quote);
        self.run_script(program, self.ask_script(&script, deadline)).await
    }

    /// The same for what writes to disks: none of it is run unless `lock` is ours. Nor is any of it broken off: given up, it
    /// goes on where it runs, and keeps others out until it ends.
    pub async fn run_program_under(
        &self,
        lock: &Lock,
        program: &Program,
        deadline: Duration,
    ) -> Result<(), ProgramError> {
        let script = lock.around(&program.to_sh(cmd::quote));
        let asked = async {
            let cmd = self.as_root(&Cmd::new("sh").arg("-s").input(script.as_str()));
            self.tell_words(&cmd);
            let output = match &self.door {
                Door::Local => process::ask_local_unbroken(&cmd, deadline).await,
                Door::Ssh(ssh) => ssh.ask(&cmd, deadline).await,
            };
            self.tell_output(&output);
            output
        };
        self.run_script(program, asked).await
    }

    /// Runs a program's script, as `asked` does, and finds which of its lines stopped it.
    async fn run_script(
        &self,
        program: &Program,
        asked: impl Future<Output = Result<Output, RunError>>,
    ) -> Result<(), ProgramError> {
        if program.lines.is_empty() {
            return Ok(());
        }
        program.lines.iter().for_each(|line| self.tell_words(line.cmd()));
        let output = match asked.await {
            // What hung is one of these commands, not the shell that ran them.
            Err(RunError::Late { deadline, .. }) => {
                let words = program.lines.iter().map(|line| line.cmd().brief()).collect::<Vec<_>>().join("; ");
                return Err(RunError::Late { words, deadline }.into());
            }
            other => other?,
        };
        if output.status == 0 {
            return Ok(());
        }
        let Some((fault, stderr)) = Fault::take(&output.stderr) else {
            check(output, SCRIPT)?;
            return Ok(());
        };
        let words = program.lines.get(fault.line).map_or_else(String::new, |line| line.cmd().brief());
        match (program.lines.get(fault.line), fault.found) {
            // Nothing was to be said, nothing was said, and yet it failed.
            (Some(Line::Expect { output, .. }), None) if output.is_empty() => {
                Err(RunError::Failed { words, status: fault.status, stderr }.into())
            }
            (Some(Line::Expect { output: expected, .. }), found) => Err(ProgramError::Unexpected {
                words,
                expected: expected.trim_end().to_owned(),
                found: found.unwrap_or_default(),
            }),
            _ => Err(RunError::Failed { words, status: fault.status, stderr }.into()),
        }
    }

    /// Waits until the machine lets us in anew, with its expected host key; a wrong key ends the wait at once, for waiting
    /// does not mend it.
    pub async fn wait(&self, deadline: Duration) -> Result<(), RunError> {
        let end = Instant::now() + deadline;
        self.close().await;
        loop {
            match self.connect().await {
                Ok(()) => return Ok(()),
                Err(error @ RunError::Unreachable { reason: crate::Refusal::HostKey, .. }) => return Err(error),
                Err(error) if Instant::now() >= end => return Err(error),
                Err(_) => tokio::time::sleep(Duration::from_millis(300)).await,
            }
        }
    }

    /// Makes the connection unless it stands.
    pub(crate) async fn connect(&self) -> Result<(), RunError> {
        match &self.door {
            Door::Local => Ok(()),
            Door::Ssh(ssh) => ssh.connect().await,
        }
    }

    /// What a process that [`Self::shell_words`] started has answered, unless the connection broke.
    pub(crate) async fn answered(&self, output: Output) -> Result<Output, RunError> {
        match &self.door {
            Door::Local => Ok(output),
            Door::Ssh(ssh) => ssh.answered(output).await,
        }
    }

    /// Ends the connection, if there is one; the next command makes it again.
    pub async fn close(&self) {
        if let Door::Ssh(ssh) = &self.door {
            ssh.close().await;
        }
    }

    /// Where the machine answers; none for this one.
    pub fn address(&self) -> Option<&Address> {
        match &self.door {
            Door::Local => None,
            Door::Ssh(ssh) => Some(ssh.address()),
        }
    }

    /// The options of `ssh` that lead to this machine over the standing connection, for programs that start `ssh`
    /// themselves (`NIX_SSHOPTS`); none for this machine.
    pub fn ssh_options(&self) -> Vec<String> {
        match &self.door {
            Door::Local => Vec::new(),
            Door::Ssh(ssh) => ssh.options(),
        }
    }

    /// Streams what `from` prints on this machine into `to`, which runs as root on that one, no longer than `deadline`;
    /// `told` hears now and then how many bytes have gone.
    pub async fn stream(
        &self,
        from: &Cmd,
        to: &Cmd,
        told: impl Fn(u64) + Send,
        deadline: Duration,
    ) -> Result<(), RunError> {
        process::stream(from, &self.shell_words(to), told, deadline).await
    }

    /// The words that run `cmd` as root on that machine, started on this one.
    pub(crate) fn shell_words(&self, cmd: &Cmd) -> Cmd {
        let mut words: Vec<String> = Vec::new();
        if self.sudo {
            words.extend(["sudo", "-n", "--"].map(str::to_owned));
        }
        words.extend(cmd.argv());
        match &self.door {
            Door::Local => Cmd::new(&words[0]).args(words[1..].iter().map(String::as_str)),
            Door::Ssh(ssh) => {
                let line = words.iter().map(|word| cmd::quote(word)).collect::<Vec<_>>().join(" ");
                let Address { user, host, .. } = ssh.address();
                Cmd::new("ssh").args(ssh.options()).args(["-l", user, "--", host]).arg(line)
            }
        }
    }
}
