//! Somebody beside the lab's machines, while they are told to restart: an emulated one that restarts goes off instead, and
//! has to be switched on again.

use super::bench::{failed, place, server};
use crate::failure::Failure;
use crate::load::Loaded;
use crate::verbs::Context;
use lab::kvm::Accel;
use lab::{LabDir, LabError, Medium};
use std::time::Duration;

/// How often is looked whether a machine is on.
const PAUSE: Duration = Duration::from_millis(500);

/// Switches on again whatever machine goes off that is on now; never ends, apart from an error. Only for what leaves no
/// machine off on purpose. Where machines restart by themselves, and outside the lab, there is nothing to do.
pub async fn attend(context: &Context) -> Result<std::convert::Infallible, Failure> {
    if !context.global.in_lab {
        return std::future::pending().await;
    }
    let declared = Loaded::declared(&context.global)?;
    let dir = LabDir::at(&place(&declared)?).map_err(failed)?;
    let state = dir.state().map_err(failed)?;
    if state.accel == Accel::Kvm {
        return std::future::pending().await;
    }
    let names = state.machines.iter().map(|it| it.machine.name.clone());
    let on: Vec<String> = names.filter(|name| dir.guest(name).is_some()).collect();
    loop {
        tokio::time::sleep(PAUSE).await;
        for name in on.iter().filter(|name| dir.guest(name).is_none()) {
            match dir.clone().lock(server().map_err(failed)?) {
                Ok(mut lab) => {
                    context.story.note(name, "restarts: is switched on again");
                    lab.start(name, Medium::Disks, &|_| {}).await.map_err(failed)?;
                }
                // Another homehive works with the lab at this moment.
                Err(LabError::Busy(_)) => {}
                Err(error) => return Err(failed(error)),
            }
        }
    }
}
