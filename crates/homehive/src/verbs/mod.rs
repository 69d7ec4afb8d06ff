//! What each verb does: gather, decide by a pure crate, act through the machine's door, answer.

mod adopt;
mod charts;
mod check;
mod cluster;
mod deploy;
mod disks;
mod import;
mod init;
mod install;
mod iso;
mod lab;
mod meta;
mod probe;
mod publish_shares;
mod render;
mod replace;
mod secrets;
mod show;
mod status;
mod undo_tables;
mod verify;
mod write_medium;

pub use adopt::AdoptAnswer;
pub use charts::{ChartsBumpAnswer, ChartsOutdatedAnswer};
pub use check::CheckAnswer;
pub use cluster::{
    ClusterApplyAnswer, ClusterDiffAnswer, ClusterKubeconfigAnswer, ClusterPasswordAnswer, ClusterRemoveAnswer,
    ClusterStatusAnswer, ClusterUpAnswer,
};
pub use deploy::GenerationsAnswer;
pub use disks::{ApplyAnswer, PlanAnswer, ScriptAnswer, StatusAnswer, journal, lock, shelf, wish};
pub use import::ImportAnswer;
pub use init::InitAnswer;
pub use install::InstallAnswer;
pub use iso::IsoAnswer;
pub use lab::{LabAnswer, lost_text, seed_of_now};
pub use probe::ProbeAnswer;
pub use render::RenderAnswer;
pub use replace::ReplaceAnswer;
pub use secrets::{SecretsChangeAnswer, SecretsInitAnswer, SecretsListAnswer, SecretsRekeyAnswer};
pub use status::FleetStatusAnswer;
pub use undo_tables::UndoAnswer;
pub use verify::{look, write};
pub use write_medium::WriteMediumAnswer;

use crate::args::{Cli, Disks, Global, Verb};
use crate::failure::Failure;
use machine::Story;

/// What every verb is given.
#[derive(Clone, Debug)]
pub struct Context {
    /// The options of every verb.
    pub global: Global,
    /// Where events go.
    pub story: Story,
}

impl Context {
    /// A command of homehive as it has to be typed to mean the same fleet, real or lab.
    pub fn again(&self, words: &str) -> String {
        let mut text = "homehive".to_owned();
        if self.global.in_lab {
            text.push_str(" --lab");
        }
        if self.global.fleet != std::path::Path::new("fleet.toml") {
            text.extend([" --fleet ", &cmd::quote(&self.global.fleet.to_string_lossy())]);
        }
        text.extend([" ", words]);
        text
    }
}

/// Does what was asked.
pub async fn run(cli: Cli) -> Result<(), Failure> {
    if let Some(word) = cli.leads_out_of_the_lab() {
        let help = "leave --lab out for real machines and disks, or the other word out for those of the lab";
        return Err(Failure::usage(format!("`--lab` and `{word}` do not go together"), help));
    }
    let story = crate::readers::story(cli.global.json, cli.global.plain, cli.global.verbose);
    let context = Context { global: cli.global, story };
    match cli.verb {
        Verb::Init(init) => init::run(&context, &init),
        Verb::Check => check::run(&context),
        Verb::Show(show) => show::run(&context, &show),
        Verb::Render(render) => render::run(&context, &render),
        Verb::Cluster(verb) => cluster::run(&context, &verb).await,
        Verb::Secrets(verb) => secrets::run(&context, verb).await,
        Verb::Charts(args) => charts::run(&context, &args),
        Verb::PublishShares(options) => publish_shares::run(&options).await,
        Verb::Probe(probe) => probe::run(&context, &probe).await,
        Verb::Disks(Disks::Plan(plan)) => disks::plan(&context, &plan).await,
        Verb::Disks(Disks::Apply(apply)) => disks::apply(&context, &apply).await,
        Verb::Disks(Disks::Replace(args)) => replace::run(&context, &args).await,
        Verb::Disks(Disks::Script(script)) => disks::script(&context, &script),
        Verb::Disks(Disks::Import(import)) => import::run(&context, &import).await,
        Verb::Disks(Disks::Adopt(adopt)) => adopt::run(&context, &adopt).await,
        Verb::Disks(Disks::UndoTables(undo)) => undo_tables::run(&context, &undo).await,
        Verb::Disks(Disks::Status(target)) => disks::status(&context, &target).await,
        Verb::Install(install) => install::run(&context, &install).await,
        Verb::Deploy(args) => deploy::run(&context, &args).await,
        Verb::Rollback(args) => deploy::rollback(&context, &args).await,
        Verb::Generations(args) => deploy::generations(&context, &args).await,
        Verb::Status(args) => status::run(&context, &args).await,
        Verb::Iso(args) => iso::run(&context, &args).await,
        Verb::WriteMedium(args) => write_medium::run(&context, &args).await,
        Verb::Verify(verify) => verify::run(&context, &verify).await,
        Verb::Lab(lab) => Box::pin(lab::run(&context, lab)).await,
        Verb::ServeDrives { list } => Ok(::lab::serve_drives(&list)?),
        Verb::SwitchFrames { list } => Ok(::lab::serve_wire(&list)?),
        Verb::Completions { shell } => {
            meta::completions(shell);
            Ok(())
        }
        Verb::Man { dir } => meta::man(&dir),
        Verb::Schema { name } => meta::schema(name.as_deref()),
    }
}
