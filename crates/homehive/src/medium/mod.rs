//! Boot media: which device may be written, what an image is, writing and reading it back, and the key that rides on it.

pub mod build;
pub mod image;
pub mod key;
pub mod look;
pub mod stick;
pub mod write;
