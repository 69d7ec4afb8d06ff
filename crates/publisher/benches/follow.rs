//! How long it takes from a change of a Service's address until a neighbour resolves the new one, and what the publisher
//! costs while nothing happens. A real API server, a real avahi-daemon on each of two network namespaces.
//!
//! `HOMEHIVE_PUBLISH_SHARES=target/release/homehive-publish-shares cargo bench -p publisher --profile dev`

#[path = "../tests/home/mod.rs"]
mod home;

use home::{Home, Publisher};
use std::fs;
use std::time::{Duration, Instant};

const CHANGES: u8 = 20;
/// Addresses do not change faster than this.
const BETWEEN: Duration = Duration::from_secs(2);
const IDLE: Duration = Duration::from_mins(1);

fn main() {
    let Some(home) = Home::start() else { return };
    home.objects.share("timemachine", "time-machine");
    home.objects.address("timemachine", "10.77.0.100");
    let mut publisher = home.publisher();
    publisher.said.wait(&["is published at 10.77.0.100"]);

    let mut moved: Vec<f64> = (101..=100 + CHANGES)
        .map(|last| {
            std::thread::sleep(BETWEEN);
            change(&home, "timemachine", &format!("10.77.0.{last}"))
        })
        .collect();
    let mut new: Vec<f64> = (1..=5_u8)
        .map(|number| {
            let name = format!("share{number}");
            home.objects.share(&name, "storage");
            std::thread::sleep(BETWEEN);
            change(&home, &name, &format!("10.77.0.{}", 150 + number))
        })
        .collect();
    println!("from the Service's status to avahi-resolve on the other side, ms:");
    report("another address", &mut moved);
    report("a new name", &mut new);
    println!("  a script that polls every 10 s: 5000 on average, 10000 at most, and its work comes on top");
    idle(&publisher);
}

/// Milliseconds from the change until the neighbour has it.
fn change(home: &Home, name: &str, address: &str) -> f64 {
    let begin = Instant::now();
    home.objects.address(name, address);
    let host = format!("{name}-samba.local");
    while home.lan.b.resolve(&host).is_none_or(|found| found.to_string() != address) {
        assert!(begin.elapsed() < Duration::from_mins(1), "{host} never came to {address}");
    }
    begin.elapsed().as_secs_f64() * 1000.0
}

fn report(what: &str, times: &mut [f64]) {
    times.sort_by(f64::total_cmp);
    let (last, middle) = (times.len() - 1, times.len() / 2);
    let median =
        if times.len().is_multiple_of(2) { f64::midpoint(times[middle - 1], times[middle]) } else { times[middle] };
    println!(
        "  {what:<16} {:>3} times: median {median:.0}, least {:.0}, most {:.0}",
        times.len(),
        times[0],
        times[last]
    );
}

/// What it costs while nothing happens.
fn idle(publisher: &Publisher) {
    let ticks = || {
        let text = fs::read_to_string(format!("/proc/{}/stat", publisher.pid())).unwrap_or_default();
        let fields: Vec<&str> = text.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
        // utime and stime are fields 14 and 15 of proc(5), in ticks of 10 ms; two of those before are cut off.
        [11, 12].iter().filter_map(|at| fields.get(*at)?.parse::<u64>().ok()).sum::<u64>()
    };
    let before = ticks();
    std::thread::sleep(IDLE);
    let spent = (ticks() - before) * 10;
    let status = fs::read_to_string(format!("/proc/{}/status", publisher.pid())).unwrap_or_default();
    let line = |name: &str| {
        let line = status.lines().find(|line| line.starts_with(name)).unwrap_or_default();
        line.split_whitespace().nth(1).and_then(|kib| kib.parse::<u64>().ok()).unwrap_or_default()
    };
    println!(
        "idle for {} s: {spent} ms of processor time; VmRSS {} KiB, most {} KiB",
        IDLE.as_secs(),
        line("VmRSS"),
        line("VmHWM")
    );
}
