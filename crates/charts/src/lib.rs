//! Which versions of charts and images there are, and what a newer one would break of the values that homehive sets.
//!
//! Reading indexes, ordering versions, comparing values and editing the fleet file's `[pins]` are pure; [`Fetch`] alone
//! touches the network, by curl.

mod fetch;
mod index;
mod pins;
mod registry;
mod survey;
mod unpack;
mod values;
mod version;

pub use fetch::{Fetch, FetchError, Head};
pub use index::{Index, IndexError, Release};
pub use pins::{PinError, pinned};
pub use registry::tags;
pub use survey::{Found, From, Pin, Proposal, SurveyError, propose, survey};
pub use unpack::{Defaults, UnpackError, unpack};
pub use values::{Break, breaks};
pub use version::{newest, order, parse};
