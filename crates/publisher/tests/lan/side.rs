//! One side: a network namespace, a bus, an avahi-daemon, and what can be asked there.

use super::{Lines, run};
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// One side of the LAN.
pub struct Side {
    name: &'static str,
    dir: PathBuf,
    /// Holds the namespaces while its standard input is open.
    holder: Child,
    bus: Child,
    avahi: Option<Child>,
    /// What avahi-daemon says.
    pub said: Lines,
}

impl Drop for Side {
    fn drop(&mut self) {
        self.stop_avahi();
        for child in [&mut self.bus, &mut self.holder] {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

impl Side {
    /// Namespaces and a bus.
    pub fn new(dir: &Path, name: &'static str) -> Result<Self, String> {
        // /run is its own, so that neither pid files nor sockets of this machine are touched.
        let words = "mount -t tmpfs tmpfs /run && ip link set lo up && echo ready && exec cat";
        let mut holder = Command::new("unshare")
            .args(["--net", "--mount", "sh", "-c", words])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|error| error.to_string())?;
        let mut lines = Lines::of(holder.stdout.take().unwrap());
        if lines.wait_within(&["ready"], super::lines::LONG).is_none() {
            let _ = holder.kill();
            let said = holder.wait_with_output().map_err(|error| error.to_string())?;
            return Err(String::from_utf8_lossy(&said.stderr).trim().to_owned());
        }
        let socket = dir.join(format!("{name}.bus"));
        let config = dir.join(format!("{name}.xml"));
        let text = format!(
            "<busconfig><listen>unix:path={}</listen><auth>EXTERNAL</auth><policy context=\"default\"><allow user=\"*\"/>\
             <allow own=\"*\"/><allow send_destination=\"*\"/><allow receive_sender=\"*\"/></policy></busconfig>",
            socket.display()
        );
        std::fs::write(&config, text).unwrap();
        let mut bus = Command::new("dbus-daemon")
            .arg(format!("--config-file={}", config.display()))
            .args(["--nofork", "--print-address"])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        Lines::of(bus.stdout.take().unwrap()).wait(&["unix:path="]);
        let text = format!("[server]\nhost-name=side-{name}\nuse-ipv6=no\nallow-interfaces=lan0\n");
        std::fs::write(dir.join(format!("{name}.conf")), text).unwrap();
        let said = Lines::of(std::io::empty());
        Ok(Self { name, dir: dir.to_owned(), holder, bus, avahi: None, said })
    }

    /// The process that holds the namespaces.
    pub fn holder(&self) -> u32 {
        self.holder.id()
    }

    /// Gives the cable's end an address.
    pub fn plug(&self, address: &str) {
        let at = self.holder().to_string();
        for words in [
            format!("addr add {address}/24 dev lan0"),
            "link set lan0 up".to_owned(),
            "route add 224.0.0.0/4 dev lan0".to_owned(),
        ] {
            let words: Vec<&str> = ["--target", &at, "--net", "ip"].into_iter().chain(words.split(' ')).collect();
            run("nsenter", &words);
        }
    }

    /// Where its bus is, as `DBUS_SYSTEM_BUS_ADDRESS` says it.
    pub fn bus(&self) -> String {
        format!("unix:path={}", self.dir.join(format!("{}.bus", self.name)).display())
    }

    /// Starts avahi-daemon, and waits until it takes records.
    pub fn start_avahi(&mut self) {
        let config = self.dir.join(format!("{}.conf", self.name));
        let mut avahi = Command::new("nsenter")
            .args(["--target", &self.holder().to_string(), "--net", "--mount", "avahi-daemon", "--file"])
            .arg(config)
            .args(["--no-drop-root", "--no-chroot", "--no-rlimits"])
            .env("DBUS_SYSTEM_BUS_ADDRESS", self.bus())
            .env("PATH", std::env::var("PATH").unwrap_or_default() + ":/usr/sbin:/sbin")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        self.said = Lines::of(avahi.stderr.take().unwrap());
        self.said.wait(&["Server startup complete"]);
        self.avahi = Some(avahi);
    }

    /// Kills avahi-daemon.
    pub fn stop_avahi(&mut self) {
        if let Some(mut avahi) = self.avahi.take() {
            let _ = avahi.kill();
            let _ = avahi.wait();
        }
    }

    /// Stops avahi-daemon where it is: it has its name on the bus, and answers nothing, until [`Side::resume_avahi`].
    pub fn stall_avahi(&self) {
        self.signal_avahi(rustix::process::Signal::STOP);
    }

    /// Lets it go on, with all that it was asked in the meantime.
    pub fn resume_avahi(&self) {
        self.signal_avahi(rustix::process::Signal::CONT);
    }

    fn signal_avahi(&self, signal: rustix::process::Signal) {
        // `nsenter` becomes the program that it is given.
        let pid = rustix::process::Pid::from_child(self.avahi.as_ref().unwrap());
        rustix::process::kill_process(pid, signal).unwrap();
    }

    /// A program that speaks to this side's bus.
    pub fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command.env("DBUS_SYSTEM_BUS_ADDRESS", self.bus()).stdin(Stdio::null());
        command
    }

    /// What avahi-resolve says that the name's address is.
    pub fn resolve(&self, host: &str) -> Option<IpAddr> {
        let said = self.command("avahi-resolve").args(["-4", "-n", host]).output().unwrap();
        let text = String::from_utf8(said.stdout).unwrap();
        text.split_whitespace().nth(1).map(|address| address.parse().unwrap())
    }

    /// Everything of one type that avahi-browse finds and resolves, as it prints it.
    pub fn browse(&self, service: &str) -> Vec<String> {
        let said = self.command("avahi-browse").args(["-rtp", service]).output().unwrap();
        let text = String::from_utf8(said.stdout).unwrap();
        text.lines().filter(|line| line.starts_with('=')).map(str::to_owned).collect()
    }

    /// A neighbour that prints what comes (`+`) and goes (`-`) of one type.
    pub fn listen(&self, service: &str) -> Listener {
        let mut child = self
            .command("avahi-browse")
            .args(["-p", service])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let lines = Lines::of(child.stdout.take().unwrap());
        Listener { child, lines }
    }
}

/// A neighbour that listens.
pub struct Listener {
    child: Child,
    /// What it prints: `+;lan0;IPv4;NAME;TYPE;local`.
    pub lines: Lines,
}

impl Drop for Listener {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
