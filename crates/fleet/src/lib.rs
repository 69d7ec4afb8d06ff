//! What the user declares: one file that describes a home's machines, network, shares and services. Parsing with
//! places, checks that find all problems in one go, derived identities, the summary.
//!
//! Pure: text in, a checked [`Fleet`] or a report out. What disks hold in detail is `storage`'s business, what becomes
//! of a fleet that of the crates above.

mod about;
mod admin;
mod capacity;
mod check;
mod declared;
mod deploy;
mod hardware;
mod k3s;
mod key;
mod loader;
mod machine;
mod monitoring;
mod names;
mod net;
mod network;
mod object_store;
pub mod pins;
mod placeholder;
mod proposal;
pub mod scaffold;
pub mod schema;
mod share;
mod share_names;
pub mod summary;
mod text;
mod time;
mod uid;
mod upgrades;
mod words;

pub use about::About;
pub use admin::Admin;
pub use declared::Fleet;
pub use deploy::{Deploy, Selector, Unselected};
pub use document::{Format, Report};
pub use hardware::{Cpu, Hardware, HardwareError, Interface, KernelModule};
pub use k3s::K3s;
pub use key::{KeyError, PublicKey};
pub use loader::Loader;
pub use machine::{Boot, Machine, Port, Role, Ssh};
pub use monitoring::{Keep, Mail, Monitoring, Retention};
pub use names::{Domain, FleetName, HostName, Login, NameError, ShareName, Tag, UserName};
pub use net::{AddressRange, Endpoint, NetError, Subnet};
pub use network::{Network, Ranges};
pub use object_store::{Bucket, ObjectStore, Region, StoreError};
pub use proposal::Proposal;
pub use share::{Share, ShareKind};
pub use share_names::{ShareNames, ShareNamesError};
pub use time::{Schedule, Span, TimeError, Window};
pub use uid::uid;
pub use upgrades::Upgrades;
pub use words::{
    FlakeAttribute, FlakeRef, Host, KubernetesVersion, MailAddress, ModulePath, Package, TimeZone, Version, WordError,
};
