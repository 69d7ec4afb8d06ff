//! Installing a system closure on disks that are mounted below a directory, as nixos-install does: copy, profile, host key,
//! activation, boot loader, unmount. What the closure is, and which machine, is the caller's business.

use crate::copy::{self, Closure, CopyError};
use crate::profile::{self, PROFILE, SOON};
