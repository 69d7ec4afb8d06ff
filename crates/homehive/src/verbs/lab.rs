//! `lab`: the interactive side. A person starts machines, works on them with the ordinary verbs (`homehive --lab …`),
//! hurts them, looks inside.

mod repl;
mod snapshot;

use super::{Context, disks};
use crate::answer;
use crate::args::{Access, Apply, Consent, Fault, Lab as LabVerb, Link, Lose, Target};
use crate::failure::Failure;
use crate::labs::{self, Bench, From, Harm, Saved, harm, harm_link, short};
use crate::load::Loaded;
use crate::reach::{self, System};
use crate::scenario;
use ::lab::qemu::Health;
use ::lab::{self as drives, Lab, LabDir, Loss, Lost, shell};
use fleet::HostName;
use schemars::JsonSchema;
use serde::Serialize;
use std::collections::BTreeMap;
use std::process::Command;

/// The answer of `lab status --json`, `lab up --json` and `lab boot --json`.
#[derive(Debug, Serialize, JsonSchema)]
pub struct LabAnswer {
    /// Where everything of the lab lies; none if there is no lab.
    pub directory: Option<String>,
    /// The lab's own fleet file, for the ordinary verbs: `--lab`, or `--fleet` with this file.
    pub fleet: Option<String>,
    /// `kvm` or `emulated`, and why.
    pub accel: Option<String>,
    /// The machines.
    pub machines: Vec<LabMachine>,
    /// The links between them that are not good.
    pub links: Vec<LabLink>,
}

/// What passes from one machine of the lab to another.
#[derive(Debug, Serialize, JsonSchema)]
pub struct LabLink {
    /// From this machine.
    pub from: String,
    /// To this one.
    pub to: String,
    /// Does nothing pass?
    pub cut: bool,
    /// How many milliseconds everything is late.
    pub delay_ms: u64,
    /// How many frames are lost, such as `10%`.
    pub loss: String,
    /// All of that for people.
    pub text: String,
}

/// A machine of the lab.
#[derive(Debug, Serialize, JsonSchema)]
pub struct LabMachine {
    /// Its name.
    pub name: String,
    /// Does its QEMU run?
    pub on: bool,
    /// The port on 127.0.0.1 that leads to its sshd.
    pub ssh_port: u16,
    /// Its console's log.
    pub console: String,
    /// Its disks.
    pub disks: Vec<LabDisk>,
}

/// A disk of the lab.
#[derive(Debug, Serialize, JsonSchema)]
pub struct LabDisk {
    /// Its node, such as `disk.sata1`.
    pub node: String,
    /// Its serial number.
    pub serial: String,
    /// Bytes.
    pub size: u64,
    /// `good`, `dying` or `pulled`.
    pub health: String,
}

pub async fn run(context: &Context, verb: LabVerb) -> Result<(), Failure> {
    if let LabVerb::Run(args) = &verb {
        // A scenario may name a fleet of its own.
        return scenario::run(context, args).await;
    }
    let declared = Loaded::declared(&context.global)?;
    let open = || labs::open(&declared, &context.story);
    match verb {
        LabVerb::Up { machines, from } => up(context, &declared, &machines, from.as_deref()).await?,
        LabVerb::Down => {
            let place = labs::place(&declared)?;
            Lab::down(&place).await?;
            answer::text(&format!("the lab is gone: {}", place.display()));
            return Ok(());
        }
        LabVerb::Boot { machine, medium } => {
            open()?.boot(&machine, if medium { From::Medium } else { From::Disks }).await?;
        }
        LabVerb::Off { machine } => open()?.off(&machine).await?,
        LabVerb::Repl => return repl::run(context, &declared),
        LabVerb::Snapshot(verb) => return snapshot::run(context, &declared, &verb).await,
        LabVerb::Ssh { machine, words } => return ssh(context, &declared, &machine, &words).await,
        LabVerb::Shell { machine } => return serial(&declared, &machine),
        LabVerb::Fault(fault) => return hurt(context, &declared, fault).await,
        LabVerb::Run(_) | LabVerb::Status => {}
    }
    status(context, &declared).await
}

async fn up(context: &Context, declared: &Loaded, only: &[String], from: Option<&str>) -> Result<(), Failure> {
    let machines = if only.is_empty() {
        declared.fleet.machines.keys().cloned().collect::<Vec<HostName>>()
    } else {
        only.iter().map(|name| declared.machine(name)).collect::<Result<_, _>>()?
    };
    let saved = from.map(|name| Saved::named(&labs::place(declared)?, name)).transpose()?;
    let mut bench = Bench::create(declared, &machines, saved.as_ref(), &context.story).await?;
    let from = if saved.is_some() { From::Disks } else { From::Medium };
    for machine in &machines {
        match &saved {
            // A lab that ran is had again as it was: what was off stays off.
            Some(saved) if !saved.running().is_empty() => {
                if saved.memory(machine.as_ref()).is_some() {
                    bench.resume(machine.as_ref(), saved).await?;
                }
            }
            Some(_) | None => bench.boot(machine.as_ref(), from).await?,
        }
    }
    Ok(())
}

async fn status(context: &Context, declared: &Loaded) -> Result<(), Failure> {
    let place = labs::place(declared)?;
    let Ok(dir) = LabDir::at(&place) else {
        let none = LabAnswer { directory: None, fleet: None, accel: None, machines: Vec::new(), links: Vec::new() };
        if context.global.json {
            answer::json("lab-status", &none);
        } else {
            answer::text("no lab; start one: homehive lab up");
        }
        return Ok(());
    };
    let state = dir.state().map_err(labs::failed)?;
    let machines = state.machines.iter().map(|it| {
        let disks = it.machine.disks.iter().zip(&it.health).map(|(disk, health)| LabDisk {
            node: format!("disk.{}", disk.name),
            serial: disk.serial.clone(),
            size: disk.bytes,
            health: match health {
                Health::Good => "good",
                Health::Dying => "dying",
                Health::Pulled => "pulled",
            }
            .to_owned(),
        });
        let name = it.machine.name.clone();
        let (on, console) = (dir.guest(&name).is_some(), dir.files(&name).console().display().to_string());
        LabMachine { name, on, ssh_port: it.ssh_port, console, disks: disks.collect() }
    });
    let accel = match state.accel {
        ::lab::kvm::Accel::Kvm => "kvm",
        ::lab::kvm::Accel::Emulated => "emulated",
    };
    let answer = LabAnswer {
        directory: Some(dir.root().display().to_string()),
        fleet: Some(dir.root().join("fleet.json").display().to_string()),
        accel: Some(format!("{accel}: {}", state.accel_reason)),
        machines: machines.collect(),
        links: dir.links().await?.into_iter().map(told).collect(),
    };
    if context.global.json {
        answer::json("lab-status", &answer);
    } else {
        answer::text(&text(context, &answer));
    }
    Ok(())
}

fn told(toll: drives::Toll) -> LabLink {
    let drives::Toll { from, to, link } = toll;
    let (loss, text) = (link.loss.to_string(), link.to_string());
    LabLink { from, to, cut: link.cut, delay_ms: link.delay_ms, loss, text }
}

fn text(context: &Context, answer: &LabAnswer) -> String {
    let mut lines = vec![format!("lab at {}", answer.directory.as_deref().unwrap_or_default())];
    lines.push(format!("processors: {}", answer.accel.as_deref().unwrap_or_default()));
    for machine in &answer.machines {
        let on = if machine.on { format!("on, ssh at 127.0.0.1:{}", machine.ssh_port) } else { "off".to_owned() };
        lines.push(format!("\n{}: {on}", machine.name));
        for disk in &machine.disks {
            let size = storage::Size(disk.size).to_string();
            lines.push(format!("  {:12} {size:>9}  serial {:20} {}", disk.node, disk.serial, disk.health));
        }
        lines.push(format!("  console: {}", machine.console));
    }
    if !answer.links.is_empty() {
        lines.push(String::new());
    }
    for link in &answer.links {
        lines.push(format!("link {} → {}: {}", link.from, link.to, link.text));
    }
    if let Some(machine) = answer.machines.first() {
        let own = context.again("lab");
        let verbs = context.again(&format!("--lab disks plan {}", machine.name));
        lines.push(format!("\nnext: {verbs} · {own} shell {} · {own} down", machine.name));
    }
    lines.join("\n")
}

/// The system's `ssh`, with the lab's key and the machine's pinned host key, in this terminal.
async fn ssh(context: &Context, declared: &Loaded, machine: &str, words: &[String]) -> Result<(), Failure> {
    let loaded = in_lab(declared)?;
    let name = loaded.machine(machine)?;
    let reached = reach::reach(&loaded, &name, None, &context.story).await?.machine;
    let Some(address) = reached.address() else { return Err(Failure::Bug("a lab's machine has an address".into())) };
    let mut command = Command::new("ssh");
    command.args(reached.ssh_options()).args(["-l", &address.user, "--", &address.host]);
    if !words.is_empty() {
        command.arg(words.iter().map(|word| cmd::quote(word)).collect::<Vec<_>>().join(" "));
    }
    match command.status() {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(Failure::Failed(format!("{machine}: the session ended with {status}"))),
        Err(error) => Err(Failure::Failed(format!("cannot start ssh: {error}"))),
    }
}

fn serial(declared: &Loaded, machine: &str) -> Result<(), Failure> {
    let dir = LabDir::at(&labs::place(declared)?).map_err(labs::failed)?;
    let name = declared.machine(machine)?.to_string();
    if dir.guest(&name).is_none() {
        return Err(Failure::Failed(format!("{name} is off\n  next: homehive lab boot {name}")));
    }
    answer::aside(format_args!("the debug shell of {name}; press Enter for a prompt, Ctrl-] to leave"));
    shell::attach(&dir.files(&name).shell()).map_err(labs::failed)
}

async fn hurt(context: &Context, declared: &Loaded, fault: Fault) -> Result<(), Failure> {
    let open = || labs::open(declared, &context.story);
    let told = match fault {
        Fault::Dying { machine, disk } => {
            harm(open()?.lab(), &machine, &disk, Harm::Dying).await?;
            format!("{disk} of {machine} answers nothing but errors\nnext: homehive --lab disks status {machine}")
        }
        Fault::Revive { machine, disk } => {
            harm(open()?.lab(), &machine, &disk, Harm::Revive).await?;
            format!("{disk} of {machine} works again")
        }
        Fault::Pull { machine, disk } => {
            harm(open()?.lab(), &machine, &disk, Harm::Pull).await?;
            format!("{disk} of {machine} is pulled\nnext: homehive --lab disks status {machine}")
        }
        Fault::Replace { machine, disk } => {
            let serial = open()?.replace(&machine, short(&disk))?;
            format!("{disk} of {machine} is a new blank disk, serial {serial}\nnext: homehive lab boot {machine}")
        }
        Fault::Errors { machine, disk, on, from, to } => {
            let on = match on {
                Access::Read => drives::Access::Read,
                Access::Write => drives::Access::Write,
                Access::Flush => drives::Access::Flush,
            };
            harm(open()?.lab(), &machine, &disk, Harm::Errors { on, from, to }).await?;
            format!("{disk} of {machine} answers with errors there")
        }
        Fault::Slow { machine, disk, ms } => {
            harm(open()?.lab(), &machine, &disk, Harm::Slow(ms)).await?;
            format!("{disk} of {machine} takes {ms} ms longer")
        }
        Fault::Full { machine, disk, after } => {
            harm(open()?.lab(), &machine, &disk, Harm::Full(after)).await?;
            format!("{disk} of {machine} takes {after} bytes more")
        }
        Fault::Rot { machine, disk, at, sectors } => {
            harm(open()?.lab(), &machine, &disk, Harm::Rot { at, sectors }).await?;
            format!("{sectors} sectors of {disk} of {machine} are rotten from byte {at} on")
        }
        Fault::Link(args) => link(&open()?, &args).await?,
        Fault::Well { machine, disk } => {
            harm(open()?.lab(), &machine, &disk, Harm::Well).await?;
            format!("{disk} of {machine} is well")
        }
        Fault::PowerCut { machine, after_step, lose, seed } => {
            let loss = loss(lose, seed);
            match after_step {
                None => {
                    let lost = open()?.lab().power_cut(&machine, loss).await?;
                    let told = lost_text(loss, &lost);
                    format!("the power of {machine} is cut; {told}\nnext: homehive lab boot {machine} [--medium]")
                }
                Some(step) => cut_behind(context, declared, &machine, step, loss).await?,
            }
        }
    };
    if !context.global.json {
        answer::text(&told);
    }
    Ok(())
}

async fn link(bench: &Bench, args: &Link) -> Result<String, Failure> {
    let delay_ms = args.delay.map_or(0, |delay| u64::try_from(delay.as_millis()).unwrap_or(u64::MAX));
    let link = drives::Link { cut: args.cut, delay_ms, loss: args.loss.unwrap_or_default() };
    harm_link(bench.held(), &args.from, &args.to, link, args.one_way).await?;
    let arrow = if args.one_way { "→" } else { "↔" };
    Ok(format!("link {} {arrow} {}: {link}", args.from, args.to))
}

fn loss(lose: Lose, seed: Option<u64>) -> Loss {
    let seed = seed.unwrap_or_else(seed_of_now);
    match lose {
        Lose::None => Loss::None,
        Lose::All => Loss::All,
        Lose::Some => Loss::Some { seed },
        Lose::Torn => Loss::Torn { seed },
    }
}

/// Another one each time, short enough to be typed.
pub fn seed_of_now() -> u64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    u64::from(since.subsec_nanos()) ^ since.as_secs() & 0xffff_ffff
}

/// What a power cut took, and how it is had again.
pub fn lost_text(loss: Loss, lost: &BTreeMap<String, Lost>) -> String {
    let sum = |of: fn(&Lost) -> u64| lost.values().map(of).sum::<u64>();
    let seed = match loss {
        Loss::None | Loss::All => String::new(),
        Loss::Some { seed } => format!(" (--lose some --seed {seed})"),
        Loss::Torn { seed } => format!(" (--lose torn --seed {seed})"),
    };
    format!("of {} writes that were not flushed it took {}{seed}", sum(|it| it.unflushed), sum(|it| it.hurt))
}

/// Applies the disks' plan and cuts the power right behind one of its steps.
async fn cut_behind(
    context: &Context,
    declared: &Loaded,
    machine: &str,
    step: usize,
    loss: Loss,
) -> Result<String, Failure> {
    let mut bench = labs::open(declared, &context.story)?;
    let loaded = bench.loaded()?;
    let name = loaded.machine(machine)?;
    let target = Target { machine: machine.to_owned(), host: None };
    let apply = Apply { target, consent: Consent::default(), plan: None };
    let converged = disks::converge(context, &loaded, &name, &apply, Some(step)).await?;
    if !converged.stopped {
        let steps: usize = converged.rounds.iter().map(|round| round.steps.len()).sum();
        return Err(Failure::usage(
            format!("the plan has {steps} steps, no step {step}"),
            "all of it was applied; the power is on",
        ));
    }
    let lost = bench.lab().power_cut(machine, loss).await?;
    let told = lost_text(loss, &lost);
    Ok(format!("the power of {machine} was cut behind step {step}; {told}\nnext: homehive lab boot {machine} --medium"))
}

/// The lab's own fleet.
fn in_lab(declared: &Loaded) -> Result<Loaded, Failure> {
    labs::open_fleet(&labs::place(declared)?)
}

/// A machine of the lab that was installed from its medium: off, and on again from its own disk, as its firmware would.
pub async fn reboot_from_disks(context: &Context, name: &HostName) -> Result<(), Failure> {
    let declared = Loaded::declared(&context.global)?;
    let mut bench = labs::open(&declared, &context.story)?;
    bench.wait_off(name.as_ref()).await?;
    bench.boot(name.as_ref(), From::Disks).await?;
    let loaded = bench.loaded()?;
    let reached = reach::reach(&loaded, name, None, &context.story).await?;
    match reached.system {
        System::Installed => reach::mounted(&reached.machine, &super::wish(&loaded, name)?).await,
        System::Installer | System::Other => {
            Err(Failure::Failed(format!("{name} answers with another key than its own")))
        }
    }
}
