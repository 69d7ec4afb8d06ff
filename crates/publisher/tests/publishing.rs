//! The publisher between a real API server and a real avahi-daemon, seen by a neighbour in another network namespace.

mod home;

use home::{Home, Publisher, until};
use k8s_openapi::api::core::v1::{Secret, Service};
use std::net::IpAddr;

const DISKS: &str = "_adisk._tcp";
const SMB: &str = "_smb._tcp";

/// What a name that has this address is resolved to.
fn ip(text: &str) -> Option<IpAddr> {
    text.parse().ok()
}

#[test]
fn shares_come_move_and_go() {
    let Some(home) = Home::start() else { return };
    let (neighbour, objects) = (&home.lan.b, &home.objects);
    let mut publisher = home.publisher();
    let mut smb = neighbour.listen(SMB);
    objects.share("timemachine", "time-machine");
    objects.share("storage", "storage");
    // A name says nothing about the kind.
    objects.share("timemachine-old", "storage");
    for (share, address) in
        [("timemachine", "10.77.0.201"), ("storage", "10.77.0.202"), ("timemachine-old", "10.77.0.203")]
    {
        objects.address(share, address);
        publisher.said.wait(&[&format!("{share}-samba.local is published at {address}")]);
        smb.lines.wait(&["+;", &format!(";{share};")]);
        assert_eq!(neighbour.resolve(&format!("{share}-samba.local")), ip(address));
    }

    // What a Mac asks for, as avahi-browse resolves it: host, address, port and words.
    let disks = neighbour.browse(DISKS);
    assert_eq!(disks.len(), 1, "{disks:?}");
    for part in ["timemachine;", ";timemachine-samba.local;10.77.0.201;9;"] {
        assert!(disks[0].contains(part), "{part}: {disks:?}");
    }
    for words in ["\"sys=waMa=0,adVF=0x100\"", "\"dk0=adVN=timemachine,adVF=0x82\""] {
        assert!(disks[0].contains(words), "{words}: {disks:?}");
    }
    let pictures = neighbour.browse("_device-info._tcp");
    assert!(pictures.len() == 1 && pictures[0].contains("\"model=TimeCapsule8,119\""), "{pictures:?}");
    let mut ports: Vec<String> =
        neighbour.browse(SMB).iter().map(|line| field(line, 7) + ":" + &field(line, 8)).collect();
    ports.sort();
    assert_eq!(ports, ["10.77.0.201:445", "10.77.0.202:445", "10.77.0.203:445"]);

    // Another address, at once.
    objects.address("timemachine", "10.77.0.211");
    publisher.said.wait(&["timemachine-samba.local has moved to 10.77.0.211"]);
    until("the new address", || neighbour.resolve("timemachine-samba.local") == ip("10.77.0.211"));

    // The Service goes, or the share.
    objects.delete_service("storage");
    smb.lines.wait(&["-;", ";storage;"]);
    objects.delete_share("timemachine");
    smb.lines.wait(&["-;", ";timemachine;"]);
    assert_eq!(neighbour.resolve("timemachine-samba.local"), None);
    assert_eq!(neighbour.browse(DISKS), [""; 0]);
    assert_eq!(neighbour.resolve("timemachine-old-samba.local"), ip("10.77.0.203"), "the others stay");

    // Its rights are these and no others.
    assert_eq!(objects.publisher_lists::<Service>(), Ok(2));
    assert_eq!(objects.publisher_lists::<Secret>(), Err(403));

    // Told to stop, it withdraws the rest.
    assert!(publisher.terminate().success());
    smb.lines.wait(&["-;", ";timemachine-old;"]);
}

#[test]
fn a_killed_publisher_leaves_no_record() {
    let Some(home) = Home::start() else { return };
    let mut smb = home.lan.b.listen(SMB);
    home.objects.share("storage", "storage");
    home.objects.address("storage", "10.77.0.202");
    let publisher = home.publisher();
    smb.lines.wait(&["+;", ";storage;"]);
    publisher.kill();
    smb.lines.wait(&["-;", ";storage;"]);
    assert_eq!(home.lan.b.resolve("storage-samba.local"), None);
    // And the next one finds nothing in its way.
    let _publisher = home.publisher();
    smb.lines.wait(&["+;", ";storage;"]);
}

#[test]
fn records_return_after_restarts_of_avahi_and_of_the_api() {
    let Some(mut home) = Home::start() else { return };
    let mut smb = home.lan.b.listen(SMB);
    home.objects.share("storage", "storage");
    home.objects.address("storage", "10.77.0.202");
    let mut publisher = home.publisher();
    smb.lines.wait(&["+;", ";storage;"]);

    home.lan.a.stop_avahi();
    publisher.said.wait(&["avahi-daemon is gone"]);
    home.lan.a.start_avahi();
    publisher.said.wait(&["storage-samba.local is published at 10.77.0.202"]);
    until("the record", || home.lan.b.resolve("storage-samba.local") == ip("10.77.0.202"));

    // While the API is away the share is served, and its record stays.
    home.api.cut();
    publisher.said.wait(&["cannot be watched"]);
    assert_eq!(home.lan.b.resolve("storage-samba.local"), ip("10.77.0.202"));
    home.api.serve();
    home.objects.address("storage", "10.77.0.203");
    publisher.said.wait(&["storage-samba.local has moved to 10.77.0.203"]);
    until("the new address", || home.lan.b.resolve("storage-samba.local") == ip("10.77.0.203"));

    // Both away when it starts: it waits for them.
    assert!(publisher.terminate().success());
    smb.lines.wait(&["-;", ";storage;"]);
    home.api.cut();
    home.lan.a.stop_avahi();
    let mut publisher = home.publisher();
    publisher.said.wait(&["cannot be watched"]);
    home.lan.a.start_avahi();
    home.api.serve();
    publisher.said.wait(&["storage-samba.local is published at 10.77.0.203"]);
}

#[test]
fn a_connection_that_is_given_up_leaves_no_record_and_no_listener() {
    let Some(home) = Home::start() else { return };
    let (side, neighbour) = (&home.lan.a, &home.lan.b);
    for (share, kind, address) in
        [("timemachine", "time-machine", "10.77.0.201"), ("storage", "storage", "10.77.0.202")]
    {
        home.objects.share(share, kind);
        home.objects.address(share, address);
    }
    let mut publisher = home.publisher();
    publisher.said.wait_each(&[
        "timemachine-samba.local is published at 10.77.0.201",
        "storage-samba.local is published at 10.77.0.202",
    ]);
    let before = unix_sockets(publisher.pid());

    // It does not answer: the connection is given up, with the records that were handed in by it, then the next one.
    side.stall_avahi();
    home.objects.address("storage", "10.77.0.212");
    publisher.said.wait(&["trying again", "AddAddress"]);
    publisher.said.wait(&["trying again", "GetState"]);
    side.resume_avahi();

    // What was handed in by them is nobody's: each name is there once, at the address of now, and no record is in its way.
    publisher.said.wait_each(&[
        "timemachine-samba.local is published at 10.77.0.201",
        "storage-samba.local is published at 10.77.0.212",
    ]);
    for (share, address) in [("storage", "10.77.0.212"), ("timemachine", "10.77.0.201")] {
        for side in [side, neighbour] {
            until("the address", || side.resolve(&format!("{share}-samba.local")) == ip(address));
        }
    }
    let refused = publisher.said.all.iter().find(|line| line.contains("is not published"));
    assert_eq!(refused, None, "a record of its own was in its way");
    for (service, wanted) in
        [(SMB, ["storage;10.77.0.212", "timemachine;10.77.0.201"].as_slice()), (DISKS, &["timemachine;10.77.0.201"])]
    {
        let mut found: Vec<String> =
            neighbour.browse(service).iter().map(|line| field(line, 3) + ";" + &field(line, 7)).collect();
        found.sort();
        assert_eq!(found, wanted, "{service}");
    }
    assert_eq!(unix_sockets(publisher.pid()), before, "connections that nobody needs any more");

    // And it goes with all of them.
    let mut smb = neighbour.listen(SMB);
    smb.lines.wait(&["+;", ";storage;"]);
    assert!(publisher.terminate().success());
    smb.lines.wait(&["-;", ";storage;"]);
    assert_eq!(neighbour.resolve("storage-samba.local"), None);
}

/// How many sockets of the machine itself a process holds: its connections to the bus among them.
fn unix_sockets(pid: u32) -> usize {
    let all = std::fs::read_to_string(format!("/proc/{pid}/net/unix")).expect("its sockets");
    let inodes: Vec<&str> = all.lines().filter_map(|line| line.split_whitespace().nth(6)).collect();
    let open = std::fs::read_dir(format!("/proc/{pid}/fd")).expect("its files");
    let targets = open.filter_map(|entry| std::fs::read_link(entry.ok()?.path()).ok());
    let sockets =
        targets.filter_map(|target| Some(target.to_str()?.strip_prefix("socket:[")?.strip_suffix(']')?.to_owned()));
    sockets.filter(|inode| inodes.contains(&inode.as_str())).count()
}

#[test]
fn a_taken_name_is_said_and_had_when_it_is_free() {
    let Some(home) = Home::start() else { return };
    let mut holder = home.lan.b.command("avahi-publish");
    let mut holder = holder.args(["-a", "-R", "storage-samba.local", "10.77.0.99"]).spawn().unwrap();
    until("the name of another", || home.lan.a.resolve("storage-samba.local") == ip("10.77.0.99"));
    home.objects.share("storage", "storage");
    home.objects.address("storage", "10.77.0.202");
    let mut publisher = home.publisher();
    publisher.said.wait(&["storage-samba.local is not published: somebody else"]);
    assert_eq!(home.lan.b.browse(SMB), [""; 0], "no half of it is published");
    holder.kill().unwrap();
    holder.wait().unwrap();
    publisher.said.wait(&["storage-samba.local is published at 10.77.0.202"]);
    until("the name", || home.lan.b.resolve("storage-samba.local") == ip("10.77.0.202"));
}

#[test]
fn two_servers_of_one_cluster_publish_the_same() {
    let Some(home) = Home::start() else { return };
    home.objects.share("timemachine", "time-machine");
    home.objects.address("timemachine", "10.77.0.201");
    let mut one = home.publisher();
    let mut other = Publisher::start(&home.lan.b, &home.objects.kubeconfig);
    for publisher in [&mut one, &mut other] {
        publisher.said.wait(&["timemachine-samba.local is published at 10.77.0.201"]);
    }
    // Both follow a change, whoever is first.
    for address in ["10.77.0.211", "10.77.0.212", "10.77.0.213"] {
        home.objects.address("timemachine", address);
        for side in [&home.lan.a, &home.lan.b] {
            until("the new address", || side.resolve("timemachine-samba.local") == ip(address));
        }
    }
    // One of them is enough.
    one.kill();
    assert_eq!(home.lan.a.browse(DISKS).len(), 1);
}

fn field(line: &str, at: usize) -> String {
    line.split(';').nth(at).expect("a field").to_owned()
}
