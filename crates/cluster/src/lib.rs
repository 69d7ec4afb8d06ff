//! From the fleet to Kubernetes objects, as readable files in waves: charts and their values, shares, monitoring, network
//! policies.
//!
//! Pure: a checked fleet in, text out. Sending objects to a cluster is `apply`'s business, placing them on a machine that of
//! the rendered NixOS configuration.

pub mod catalogue;
pub mod directories;
pub mod kinds;
mod manifest;
pub mod meta;
pub mod metallb;
pub mod monitoring;
pub mod namespaces;
mod object;
pub mod policies;
pub mod publisher;
mod render;
pub mod rendered;
pub mod samba;
pub mod secrets;
mod upstream;
pub mod volumes;
mod wave;

pub use catalogue::Catalogue;
pub use directories::{Directory, directories};
pub use manifest::{Manifest, ManifestError};
pub use object::{Key, Object, ObjectError};
pub use render::{RenderError, catalogue as versions, render};
pub use secrets::secrets;
pub use upstream::{MissingFile, Upstream};
pub use wave::Wave;
