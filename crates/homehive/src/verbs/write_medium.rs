//! `write-medium`: an image goes to a stick, and is read back from it.

use super::Context;
use crate::answer;
use crate::args::WriteMedium;
use crate::failure::Failure;
use crate::medium::image::Image;
use crate::medium::look;
use crate::medium::stick::Stick;
use crate::medium::write::{self, Pass};
use machine::{Story, run_local};
use schemars::JsonSchema;
use serde::Serialize;
use std::fs::File;
use std::time::Duration;

/// The answer of `write-medium --json`.
#[derive(Debug, Serialize, JsonSchema)]
pub struct WriteMediumAnswer {
    /// The stick, by id.
    pub device: String,
    /// Its model.
    pub model: Option<String>,
    /// Its serial number.
    pub serial: Option<String>,
    /// How many bytes were written, and read back.
    pub bytes: u64,
    /// The hash of both.
    pub sha256: String,
}

/// The kernel looks at the table of a stick at once.
const SOON: Duration = Duration::from_secs(30);

pub async fn run(context: &Context, args: &WriteMedium) -> Result<(), Failure> {
    let story = &context.story;
    let usage = |error: &dyn std::fmt::Display| Failure::usage(error.to_string(), "see: homehive write-medium --help");
    let stick = look::look(&args.device).await.map_err(|error| usage(&error))?;
    let title = stick.title();
    story.stage("image", "is read to its end, before anything is written");
    let image = read(args.image.clone(), story.clone()).await?;
    let objections = stick.objections(image.bytes, args.wipe.as_deref());
    if !objections.is_empty() {
        let lines = objections.iter().map(|it| format!("  {it}\n    {}", it.remedy()));
        return Err(Failure::Refused(format!(
            "{} ({title}): nothing was written\n{}\n  it holds: {}",
            stick.asked,
            lines.collect::<Vec<_>>().join("\n"),
            stick.contents().join("; "),
        )));
    }
    let again = context.again("write-medium");
    let file = look::open(&stick).await.map_err(|error| {
        Failure::failed(&stick.asked, error, format!("mend that (writing a stick takes root's rights), then {again} …"))
    })?;
    let Some(file) = file else {
        return Err(Failure::Refused(format!(
            "{}: it is not the device any more that was looked at; nothing was written\n  look again: {again} …",
            stick.asked
        )));
    };
    put(&image, &stick, file, story).await?;
    // A stick that was written has another table than the one that the kernel has read.
    let reread = storage::save::reread(&format!("/dev/{}", stick.kernel));
    if let Err(error) = run_local(&reread, SOON).await {
        story.note(
            "stick",
            format!("the kernel has not read its new table ({error}); pull it out and plug it in again"),
        );
    }
    let Stick { asked, model, serial, .. } = stick;
    if context.global.json {
        let (bytes, sha256) = (image.bytes, image.sha256);
        answer::json("write-medium", &WriteMediumAnswer { device: asked, model, serial, bytes, sha256 });
    } else {
        answer::text(&format!(
            "{asked} ({title}) holds {} bytes, read back and found right: sha256 {}\n\
             next: boot the machine from it, then homehive install MACHINE",
            image.bytes, image.sha256
        ));
    }
    Ok(())
}

/// Hashes the image once, on a thread that may block.
async fn read(path: std::path::PathBuf, story: Story) -> Result<Image, Failure> {
    let told = move |bytes| story.progress("image", "is read", bytes, None, "bytes");
    let read = tokio::task::spawn_blocking(move || Image::open(&path, told)).await;
    read.map_err(|error| Failure::Bug(error.to_string()))?.map_err(|error| {
        Failure::usage(
            error.to_string(),
            "name a hybrid ISO or disk image, plain or packed with zstd; homehive iso makes one",
        )
    })
}

/// Writes and reads back, on a thread that may block.
async fn put(image: &Image, stick: &Stick, mut file: File, story: &Story) -> Result<(), Failure> {
    story.stage("stick", format!("is written and read back: {}", stick.title()));
    let block = rustix::fs::ioctl_blksszget(&file).unwrap_or(4096) as usize;
    let (source, size, story) = (image.clone(), stick.bytes, story.clone());
    let work = move || {
        let total = source.bytes;
        let told = |pass, at| {
            let text = match pass {
                Pass::Write => "is written",
                Pass::Verify => "is read back",
            };
            story.progress("stick", text, at, Some(total), "bytes");
        };
        write::write(&source, &mut file, size, block, &told)
    };
    let written = tokio::task::spawn_blocking(work).await.map_err(|error| Failure::Bug(error.to_string()))?;
    written.map_err(|error| {
        let next = "take another stick if it happens again; this one holds no medium now";
        Failure::failed(&stick.asked, error, next)
    })
}
