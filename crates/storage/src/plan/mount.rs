//! Mounts under the target: the root first, then what hangs on it.

use super::nodev;
use super::planner::{At, Planner, Work};
use super::sight::Sight;
use super::step::{Action, Risk, StepId};
use crate::NodeId;
use crate::facts::{Facts, Mount as Mounted};
use crate::tree::{Format, SubvolumePath};
use crate::wish::{Mount, Wish, mount_rank};
use cmd::Cmd;
use schemars::JsonSchema;
use serde::Serialize;

/// Mounts a filesystem.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct MountAction {
    /// Where, such as `/mnt/data`.
    pub at: String,
    /// Which filesystem.
    pub format: Format,
    /// Mount options.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub options: Vec<String>,
    /// The subvolume, for people.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subvolume: Option<SubvolumePath>,
    /// The dataset of a ZFS pool.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dataset: Option<String>,
    /// The device to mount it from, if the one at which the filesystem stands is not there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<NodeId>,
    /// The devices that the kernel must be told of, if the filesystem has several.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub devices: Vec<NodeId>,
}

impl MountAction {
    pub(super) fn describe(&self) -> String {
        match (&self.subvolume, &self.dataset) {
            (Some(path), _) => format!("mount {} subvolume {path} on {}", self.format, self.at),
            (None, Some(dataset)) => format!("mount {} {dataset} on {}", self.format, self.at),
            (None, None) => format!("mount {} on {}", self.format, self.at),
        }
    }

    pub(super) fn commands(&self, node: &NodeId) -> Vec<Cmd> {
        let options = (!self.options.is_empty()).then(|| self.options.join(","));
        let mount = Cmd::new("mount").args(["-t", self.format.word()]);
        let mount = mount.args(options.iter().flat_map(|options| ["-o", options]));
        let scan = super::btrfs::scan(&self.devices);
        let mount = [
            Cmd::new("mkdir").args(["-p", "--", &self.at]),
            match &self.dataset {
                Some(dataset) => mount.args(["--", dataset, &self.at]),
                None => mount.arg("--").device(self.from.as_ref().unwrap_or(node)).arg(&*self.at),
            },
        ];
        scan.into_iter().chain(mount).collect()
    }
}

/// Where the wished filesystems belong now: `/` if the machine runs from the wished root, else `/mnt`.
pub(super) fn target(wish: &Wish, facts: &Facts, sight: &Sight) -> String {
    let root = wish.mounts.iter().find(|mount| mount.path == "/");
    let in_memory = wish.root_in_memory().is_some_and(|root| nodev::runs(wish, facts, sight, root));
    let runs = in_memory
        || root.is_some_and(|root| {
            if let Some(dataset) = &root.dataset {
                return facts.dataset_mounts(dataset).iter().any(|at| at == "/") && is_ours(wish, facts, &root.node);
            }
            let device = devices(wish, &root.node).into_iter().find_map(|node| sight.device(&node));
            device.is_some_and(|device| facts.mounts_of(device).any(|mount| mount.target == "/" && same(root, mount)))
        });
    if runs { "/".to_owned() } else { "/mnt".to_owned() }
}

/// Is the pool that this node is to be imported, and not another of its name?
fn is_ours(wish: &Wish, facts: &Facts, node: &NodeId) -> bool {
    wish.node(node).and_then(|node| node.kind.pool()).is_some_and(|pool| super::ours(facts, pool).is_some())
}

/// The nodes from whose devices a filesystem can be mounted.
fn devices(wish: &Wish, node: &NodeId) -> Vec<NodeId> {
    let btrfs = wish.node(node).and_then(|node| node.holds.as_ref()?.btrfs());
    btrfs.map_or_else(|| vec![node.clone()], |btrfs| btrfs.devices(node))
}

/// Is the wished part of the filesystem mounted there?
fn same(wished: &Mount, found: &Mounted) -> bool {
    wished.subvolume.as_ref().map(AsRef::as_ref) == found.subvolume.as_deref()
}

/// Where this mount point of the wished machine is now.
pub(crate) fn place(wish: &Wish, facts: &Facts, sight: &Sight, path: &str) -> String {
    under(&target(wish, facts, sight), path)
}

pub(super) fn under(target: &str, path: &str) -> String {
    let joined = format!("{}{path}", target.trim_end_matches('/'));
    if joined == "/" { joined } else { joined.trim_end_matches('/').to_owned() }
}

/// Is `path` this mount point, or below it?
fn within(path: &str, above: &str) -> bool {
    above == "/" || path.strip_prefix(above).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// What has become of the mount points so far.
#[derive(Default)]
pub(super) struct Done<'a> {
    /// Mount points that stand, or the step that makes them.
    done: Vec<(&'a str, Option<StepId>)>,
    /// What is missing here cannot carry another.
    lost: Vec<&'a str>,
}

impl<'a> Done<'a> {
    /// It cannot be mounted.
    pub fn loses(&mut self, path: &'a str) {
        self.lost.push(path);
    }

    /// Can nothing be mounted here, because what it would hang on is missing?
    pub fn lost(&mut self, path: &'a str) -> bool {
        let lost = self.lost.iter().any(|above| within(path, above));
        if lost {
            self.lost.push(path);
        }
        lost
    }

    /// It is mounted, or will be by this step.
    pub fn stands(&mut self, path: &'a str, step: Option<StepId>) {
        self.done.push((path, step));
    }

    /// The steps that mount what it hangs on.
    pub fn above(&self, path: &str) -> Vec<StepId> {
        self.done.iter().filter(|(above, _)| within(path, above)).filter_map(|(_, step)| step.clone()).collect()
    }
}

pub(super) fn plan(planner: &mut Planner) {
    let wish = planner.wish;
    let mut done = Done::default();
    let mut nodev = wish.nodev.iter().peekable();
    for mount in &wish.mounts {
        while let Some(first) = nodev.next_if(|nodev| mount_rank(&nodev.path) < mount_rank(&mount.path)) {
            nodev::plan(planner, first, &mut done);
        }
        of_device(planner, mount, &mut done);
    }
    for last in nodev {
        nodev::plan(planner, last, &mut done);
    }
}

fn of_device<'a>(planner: &mut Planner<'a>, mount: &'a Mount, done: &mut Done<'a>) {
    let at = under(&planner.plan.target, &mount.path);
    if done.lost(&mount.path) {
        return;
    }
    let (node, verb) = match &mount.dataset {
        Some(dataset) => {
            let path = dataset.split_once('/').map_or("", |(_, path)| path);
            (mount.node.dataset(path), format!("mount {path}").trim_end().to_owned())
        }
        None => (
            mount.node.clone(),
            mount.subvolume.as_ref().map_or_else(|| "mount".to_owned(), |path| format!("mount {path}")),
        ),
    };
    let site = planner.site(&node);
    let device = match site.at {
        At::Here(device) => Some(device),
        At::Made => planner.sight.device(&mount.node),
        At::Hidden | At::Absent | At::Blocked => return done.loses(&mount.path),
    };
    let of = device.into_iter().flat_map(|device| planner.facts.mounts_of(device));
    let places: Vec<String> = match &mount.dataset {
        Some(dataset) if is_ours(planner.wish, planner.facts, &mount.node) => {
            planner.facts.dataset_mounts(dataset).to_vec()
        }
        _ => of.filter(|known| same(mount, known)).map(|known| known.target.clone()).collect(),
    };
    if places.contains(&at) {
        return done.stands(&mount.path, None);
    }
    let datasets = planner.facts.pools.iter().flat_map(|pool| &pool.datasets).flat_map(|dataset| &dataset.mounts);
    let taken = planner.facts.mounts.iter().map(|known| &known.target).chain(datasets).any(|target| *target == at);
    let problem = match places.first() {
        Some(place) => {
            Some((format!("it is mounted on {place}, not on {at}"), format!("umount {}", cmd::quote(place))))
        }
        None if taken => Some((format!("something else is mounted on {at}"), format!("umount {}", cmd::quote(&at)))),
        None => None,
    };
    if let Some((reason, remedy)) = problem {
        planner.refuse(&mount.node, reason, remedy);
        return done.loses(&mount.path);
    }
    let after = site.after.iter().cloned().chain(done.above(&mount.path)).collect();
    let mut what = MountAction {
        at,
        format: mount.format,
        options: mount.options.clone(),
        subvolume: mount.subvolume.clone(),
        dataset: mount.dataset.clone(),
        from: None,
        devices: Vec::new(),
    };
    super::btrfs::adapt(planner, &mut what, &mount.node);
    let work = Work { after, ..Work::default() };
    let step = planner.add(&mount.node, &verb, Action::Mount(what), Risk::None, work);
    done.stands(&mount.path, Some(step));
}
