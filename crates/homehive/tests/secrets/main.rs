//! The fleet's secrets as a person and a machine meet them: the verbs, the terminal, the cluster's Secrets made on a
//! server, and that none of them is to be found anywhere else.

#![expect(clippy::unwrap_used, reason = "a test stops where it fails")]

#[path = "../../../apply/tests/apiserver/mod.rs"]
mod apiserver;
mod home;
mod leaks;
mod machine;
mod search;
mod terminal;
mod unit;
mod verbs;
