//! The fleet's cluster: its kubeconfig, its nodes one after another, and who leaves it. Bringing it to the fleet's objects
//! is `apply`'s business.

mod ask;
mod forming;
mod kubeconfig;
mod leaving;
mod nodes;
mod patience;
mod removal;
mod steps;
mod survey;

pub use ask::confirmed;
pub use forming::form;
pub use kubeconfig::{connect, fetch, servers};
pub use leaving::remove;
pub use nodes::{Node, nodes};
pub use removal::{Found, Leave, leave, remains};
pub use steps::Unit;
pub use survey::{Survey, look};
