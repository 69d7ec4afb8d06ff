//! Builds the stand-in of a machine given as JSON: `stand-in SYSTEM.json PACKAGES.tar DIR` prints the closure.

use payload::{System, Workshop, build};
use std::error::Error;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let words: Vec<String> = std::env::args().collect();
    let [_, system, packages, dir] = words.as_slice() else { return Err("SYSTEM.json PACKAGES.tar DIR".into()) };
    let system: System = serde_json::from_str(&std::fs::read_to_string(system)?)?;
    let workshop = Workshop { packages: packages.into(), dir: dir.into() };
    let closure = build(&system, &workshop, |event| eprintln!("{event:?}")).await?;
    println!("{}", serde_json::to_string_pretty(&closure)?);
    Ok(())
}
