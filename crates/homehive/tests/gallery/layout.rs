//! Layouts of disko as homehive imports them, for the disks of the lab.

use super::bench::Bench;
use serde_json::{Value, json};
use std::fs;
use std::path::{Path, PathBuf};

/// The files of the layouts that are asked for, in the order of their names; none, which is said, where none is.
pub fn chosen() -> Option<Vec<PathBuf>> {
    let (Ok(disko), Ok(which)) = (std::env::var("HOMEHIVE_DISKO"), std::env::var("HOMEHIVE_LAYOUTS")) else {
        println!(
            "skipped: the layouts of disko: HOMEHIVE_DISKO (a checkout of disko) or HOMEHIVE_LAYOUTS (`all`, or names) is \
             not set"
        );
        return None;
    };
    let chosen = |file: &PathBuf| {
        let name = file.file_stem().unwrap_or_default().to_string_lossy();
        file.extension().is_some_and(|kind| kind == "nix") && (which == "all" || which.split(',').any(|it| it == name))
    };
    let entries = fs::read_dir(Path::new(&disko).join("example")).unwrap();
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).filter(chosen).collect();
    assert!(!files.is_empty(), "no such layouts: {which}");
    files.sort();
    Some(files)
}

/// What a layout is called.
pub fn name(file: &Path) -> String {
    file.file_stem().unwrap().to_string_lossy().into_owned()
}

/// Could it be started in two ways?
pub fn starts_both_ways(storage: &Value) -> bool {
    ["\"bios-boot\"", "\"efi\""].iter().all(|kind| storage.to_string().contains(kind))
}

/// Writes the keys of all containers beside the fleet file.
pub fn keys(beside: &Path) {
    let key = beside.with_file_name("secrets").join("luks-key");
    fs::create_dir_all(key.parent().unwrap()).unwrap();
    fs::write(&key, "a key of the gallery").unwrap();
    fs::write(key.with_file_name("further-key"), "another one").unwrap();
}

/// A layout as it is imported.
pub struct Layout {
    /// The machine's `storage`.
    pub storage: Value,
    /// What homehive does not make of it.
    pub left_out: Vec<String>,
    /// What `check` does not let pass, and was changed as it says.
    pub mended: Vec<String>,
}

/// Imports a layout; its disks are those with the serials `G1`, `G2` and so on, whose links begin so.
pub fn import(bench: &Bench, file: &Path, links: &str) -> Layout {
    let output = bench.ask(&["--json", "disks", "import", file.to_str().unwrap(), "--machine", "one"]);
    let answer: Value = serde_json::from_slice(&output.stdout).unwrap();
    let answer = &answer["answer"];
    let mut storage = answer["storage"].clone();
    let disks = storage["disk"].as_object_mut().unwrap();
    for (index, disk) in disks.values_mut().enumerate() {
        disk["serial"] = json!(format!("G{}", index + 1));
        disk["device"] = json!(format!("/dev/disk/by-id/{links}G{}", index + 1));
    }
    keyed(&mut storage);
    let mut mended = Vec::new();
    mend(&mut storage, &mut mended);
    let findings = answer["findings"].as_array().unwrap().iter();
    let left_out = findings.filter(|finding| ["left_out", "wrong"].iter().any(|kind| finding["kind"] == *kind));
    let left_out = left_out.map(|finding| format!("{}: {}", finding["at"], finding["message"]));
    Layout { storage, left_out: left_out.collect(), mended }
}

/// Is anything mounted there?
pub fn mounts(value: &Value, path: &str) -> bool {
    match value {
        Value::Object(table) => {
            table.get("mountpoint").is_some_and(|at| at == path)
                || table.get("nodev").is_some_and(|nodev| nodev.get(path).is_some())
                || table.values().any(|value| mounts(value, path))
        }
        Value::Array(list) => list.iter().any(|value| mounts(value, path)),
        _ => false,
    }
}

/// What a machine could not boot from: EFI system partitions too small for two kernels, and a `/boot` that may be missing.
fn mend(value: &mut Value, mended: &mut Vec<String>) {
    let size = value["size"].as_str().and_then(|size| size.parse().ok());
    if value["type"] == "efi" && size < Some(storage::Size(256 << 20)) {
        mended.push(format!("an EFI system partition of {} has 256MiB", value["size"]));
        value["size"] = json!("256MiB");
    }
    if value["mountpoint"] == "/boot"
        && let Some(options) = value.get_mut("options").and_then(Value::as_array_mut)
        && options.iter().any(|option| option == "nofail")
    {
        mended.push("/boot without `nofail`".to_owned());
        options.retain(|option| option != "nofail");
    }
    match value {
        Value::Object(table) => table.values_mut().for_each(|value| mend(value, mended)),
        Value::Array(list) => list.iter_mut().for_each(|value| mend(value, mended)),
        _ => {}
    }
}

/// The lab's key for every container.
fn keyed(value: &mut Value) {
    if value["type"] == "luks" {
        value["key_file"] = json!("secrets/luks-key");
        value.as_object_mut().unwrap().retain(|key, _| !key.starts_with("boot_key"));
        let further = value.pointer_mut("/unlock/keys").and_then(Value::as_object_mut);
        further.into_iter().flat_map(|keys| keys.values_mut()).for_each(|key| *key = json!("secrets/further-key"));
    }
    if value.get("encryption").is_some() {
        value["encryption"] = json!({ "key_file": "secrets/luks-key" });
    }
    match value {
        Value::Object(table) => table.values_mut().for_each(keyed),
        Value::Array(list) => list.iter_mut().for_each(keyed),
        _ => {}
    }
}
