//! `secrets`

use clap::{Args, Subcommand};

/// `secrets`
#[derive(Debug, Subcommand)]
pub enum Secrets {
    /// Make what is missing: host keys, random secrets; ask for what only you know
    Init,
    /// Set a secret: typed twice without being shown, or read from standard input if that is no terminal
    Set(Changed),
    /// List all secrets: whether they are there, for whom, what for; never what they are
    List,
    /// Edit a secret in $EDITOR, in a private file that is wiped afterwards
    Edit(Changed),
    /// Make a new random secret, and tell what must follow
    Rotate(Changed),
    /// Seal everything for today's admin and machines: all of it, or nothing if one cannot be opened
    Rekey {
        /// Seal anew what is right already, too
        #[arg(long)]
        all: bool,
    },
}

/// Which secret.
#[derive(Debug, Args)]
pub struct Changed {
    /// Its name as `secrets list` has it, such as `mail-password`; `mail` is enough if only one begins so
    pub name: String,
    /// Change a secret that a running cluster does not let go of by itself: the same name again
    #[arg(long, value_name = "NAME")]
    pub despite_cluster: Option<String>,
}
