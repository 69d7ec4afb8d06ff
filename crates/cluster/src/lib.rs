//! From the fleet to Kubernetes objects, as readable files in waves: charts and their values, shares, monitoring, network
//! policies.
//!
//! Pure: a checked fleet in, text out. Sending objects to a cluster is `apply`'s business, placing them on a machine that of
//! the rendered NixOS configuration.

mod manifest;
mod object;
pub mod secrets;
mod wave;

pub use manifest::{Manifest, ManifestError};
pub use object::{Key, Object, ObjectError};
pub use secrets::secrets;
pub use wave::Wave;
