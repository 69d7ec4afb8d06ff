//! `modules/*.nix`: what all machines have in common, once and not for each host.

use super::{Home, RenderError, host_metrics, network, trial};
use crate::File;
use crate::syntax::{Expr, Set};
use fleet::{Package, Role};

/// Programs that every machine has: for its disks, for looking after it, and an editor. The group `packages` of `verify`
/// asks for them.
const PROGRAMS: [&str; 17] = [
    "mdadm",
    "lvm2",
    "xfsprogs",
    "e2fsprogs",
    "dosfstools",
    "gptfdisk",
    "smartmontools",
    "hdparm",
    "nvme-cli",
    "lm_sensors",
    "pciutils",
    "usbutils",
    "git",
    "htop",
    "tmux",
    "rsync",
    "vim",
];

/// A shared module: its name, what stands at its head, and the module.
type Module = (&'static str, &'static str, Expr);

/// The files.
pub(super) fn files(home: &Home<'_>) -> Result<Vec<File>, RenderError> {
    let mut modules = vec![
        ("access", "Who may log in: one admin, by key only.", access(home)),
        ("alerts", "Disks, arrays and filesystems tell of their troubles.", alerts(home)),
        ("base", "What every machine of the fleet has.", base(home)),
        (
            "boot-trial",
            "A system that is started on trial reboots by itself into the last good one, unless it is confirmed in time.",
            trial::module(),
        ),
        ("firewall", "What may come in from the network: SSH, mDNS, and ping.", firewall()),
        ("hosts", "The fleet's machines know each other by name and by host key.", hosts(home)),
        ("network", "The static network that the machines share.", network(home)),
        ("shell", "A comfortable shell.", Expr::Code(include_str!("../../nix/shell.nix"))),
    ];
    if let Some(mail) = mail(home) {
        modules.push((
            "mail",
            "The mail server that the cluster's alerts go to takes those of the machines as well.",
            mail,
        ));
    }
    if home.fleet.upgrades.is_some() {
        modules.push(("upgrades", "The machines bring themselves up to date.", upgrades(home)));
    }
    modules.sort_by_key(|(name, ..)| *name);
    let mut names: Vec<&str> = modules.iter().map(|(name, ..)| *name).collect();
    if home.fleet.monitoring.is_some() {
        names.push(host_metrics::NAME);
        names.sort_unstable();
    }
    let imports = names.into_iter().map(|name| Expr::Path(format!("./{name}.nix"))).collect::<Vec<_>>();
    let all = Set::new().put("imports", imports);
    modules.push(("default", "All that the machines have in common.", all.into()));
    if home.has_cluster() {
        modules.push(("k3s", "A node of the Kubernetes cluster, server or agent.", k3s(home)));
        let head = "A server of the cluster: its API, and kubectl.";
        modules.push(("k3s-server", head, k3s_server(home)));
    }
    if home.publishes() {
        let bindings = Set::new()
            .note("How shares are called, below .local.")
            .put("share-names", Expr::text(&home.fleet.network.share_names));
        let body = Expr::Let(bindings, Box::new(Expr::Code(include_str!("../../nix/publisher.nix"))));
        let body = Expr::module("{ config, homehive-publish-shares, pkgs, ... }", body);
        modules.push(("publisher", "Shares appear on the LAN by their names, wherever they answer.", body));
    }
    let file = |(name, head, body): &Module| File::nix(format!("modules/{name}.nix"), head, body);
    Ok(modules.iter().map(file).collect::<Result<_, _>>()?)
}

/// Packages by their attributes, in a list to be read with `pkgs` in scope.
pub(super) fn packages(all: &[Package]) -> Expr {
    let package = |package: &Package| {
        let path = package.as_ref().split('.').map(str::to_owned).collect();
        Expr::Select("pkgs", path)
    };
    Expr::List(all.iter().map(package).collect())
}

fn access(home: &Home<'_>) -> Expr {
    let admin = &home.fleet.admin;
    let user = Set::new()
        .put("isNormalUser", true)
        .put("extraGroups", Expr::texts(["wheel"]))
        .put("openssh.authorizedKeys.keys", Expr::texts(&admin.keys));
    let key = Set::new().put("path", super::HOST_KEY).put("type", "ed25519");
    let settings = Set::new()
        .put("PasswordAuthentication", false)
        .put("KbdInteractiveAuthentication", false)
        .put("PermitRootLogin", "no");
    let ssh = Set::new()
        .put("enable", true)
        .put("settings", settings)
        .note("Only keys that are declared here count, and the one host key that was pinned before the first boot.")
        .put("authorizedKeysInHomedir", false)
        .put("hostKeys", vec![key.into()]);
    let set = Set::new()
        .put("services.openssh", ssh)
        .note("Users are what is declared: nobody has a password.")
        .put("users.mutableUsers", false)
        .put_named("users.users", admin.user.to_string(), user)
        .put("security.sudo.wheelNeedsPassword", false)
        .note("The machine's secrets open with its host key.")
        .put("age.identityPaths", Expr::texts([super::HOST_KEY]));
    set.into()
}

fn base(home: &Home<'_>) -> Expr {
    let gc = Set::new().put("automatic", true).put("dates", "weekly").put("options", "--delete-older-than 30d");
    let programs = PROGRAMS.iter().map(|name| Expr::Code(name)).collect();
    let mut programs = Expr::With("pkgs", Box::new(Expr::List(programs)));
    if !home.fleet.about.packages.is_empty() {
        programs = Expr::Join("++", vec![programs, packages(&home.fleet.about.packages)]);
    }
    let set = Set::new()
        .put("time.timeZone", Expr::Apply("lib.mkDefault", vec![Expr::text(&home.fleet.about.timezone)]))
        .put("nix.settings.experimental-features", Expr::texts(["nix-command", "flakes"]))
        .note("The admin may bring systems that were built elsewhere.")
        .put("nix.settings.trusted-users", Expr::texts(["root", "@wheel"]))
        .put("nix.gc", gc)
        .note("Stage 1 is systemd's, as it is by default from NixOS 26.11 on.")
        .put("boot.initrd.systemd.enable", true)
        .note(
            "A kernel that panics, and a stage 1 that cannot go on, reboot instead of waiting for somebody at\n\
             the console: into the menu's default, which is the last system that was found good.",
        )
        .put("boot.kernelParams", Expr::texts(["panic=10", "boot.panic_on_fail"]))
        .note(
            "Temperatures of disks. Those of the processor come by themselves; what reads the board's sensors is found\n\
             out by sensors-detect, and declared for each machine.",
        )
        .put("boot.kernelModules", Expr::texts(["drivetemp"]))
        .put("services.fstrim.enable", true)
        .put("environment.systemPackages", programs);
    Expr::module("{ lib, pkgs, ... }", set)
}

fn firewall() -> Expr {
    let firewall = Set::new()
        .put("enable", true)
        .put("allowedTCPPorts", vec![Expr::Int(22)])
        .note("Scanners of the whole Internet are no news.")
        .put("logRefusedConnections", false);
    let publish = Set::new().put("enable", true).put("addresses", true).put("userServices", true);
    let avahi = Set::new().put("enable", true).put("nssmdns4", true).put("openFirewall", true).put("publish", publish);
    Set::new()
        .put("networking.firewall", firewall)
        .note("Machines are found as NAME.local, and so are the shares that they publish.")
        .put("services.avahi", avahi)
        .into()
}

fn hosts(home: &Home<'_>) -> Expr {
    let fleet = home.fleet;
    let machines = fleet.machines.iter().map(|(name, machine)| (name, machine.address));
    let others = fleet.network.hosts.iter().map(|(name, address)| (name, *address));
    let mut all: Vec<_> = machines.chain(others).collect();
    all.sort_by_key(|(name, address)| (*address, *name));
    let mut entries: Vec<(String, Vec<String>)> = Vec::new();
    for (name, address) in all {
        let names = [home.full_name(name), name.to_string()];
        match entries.last_mut() {
            Some((last, known)) if *last == address.to_string() => known.extend(names),
            _ => entries.push((address.to_string(), names.to_vec())),
        }
    }
    let table =
        entries.into_iter().fold(Set::new(), |set, (address, names)| set.put_named("", address, Expr::texts(names)));
    let own = Expr::Apply("lib.mkForce", vec![Expr::List(Vec::new())]);
    let table =
        table.note("A machine's own name means its address in the LAN, not itself.").put_named("", "127.0.0.2", own);
    let mut set = Set::new().put("networking.hosts", table);
    let mut known = Set::new();
    for (name, machine) in &fleet.machines {
        if let Some(key) = home.records.host_keys.get(name) {
            let names = [name.to_string(), home.full_name(name), machine.address.to_string()];
            let host = Set::new().put("hostNames", Expr::texts(names)).put("publicKey", key.as_str());
            known = known.put_named("", name.to_string(), host);
        }
    }
    if !known.is_empty() {
        set = set.put("programs.ssh.knownHosts", known);
    }
    Expr::module("{ lib, ... }", set)
}

fn network(home: &Home<'_>) -> Expr {
    network::shared(home).into()
}

/// The scripts are homehive's own text; who is told, and by which mail server, is the fleet's.
fn alerts(home: &Home<'_>) -> Expr {
    let fleet = home.fleet;
    let mail = fleet.monitoring.as_ref().and_then(|monitoring| monitoring.mail.as_ref());
    let to = mail.map(|mail| &mail.to).or(fleet.admin.mail.as_ref());
    let from = mail.map(|mail| mail.from.to_string());
    let bindings = Set::new()
        .note("Who is told, and as whom.")
        .put("recipient", to.map_or_else(|| "root".to_owned(), ToString::to_string))
        .put("sender", from.unwrap_or_else(|| "root".to_owned()));
    let body = Expr::Code(include_str!("../../nix/alerts.nix"));
    Expr::module("{ config, lib, pkgs, ... }", Expr::Let(bindings, Box::new(body)))
}

/// The mail server that alerts go to. Where it wants a password that is not there, nothing is sent: a mail that is
/// refused would be tried again and again.
fn mail(home: &Home<'_>) -> Option<Expr> {
    let mail = home.fleet.monitoring.as_ref()?.mail.as_ref()?;
    let mut account = Set::new()
        .put("host", mail.smarthost.host())
        .put("port", mail.smarthost.port())
        .put("from", Expr::text(&mail.from))
        .put("tls", true)
        // RFC 8314: 465 speaks TLS from the first byte.
        .put("tls_starttls", mail.smarthost.port() != 465);
    let mut set = Set::new();
    if let Some(user) = &mail.user {
        if !home.records.secrets.contains(super::MAIL_PASSWORD) {
            return None;
        }
        account = account
            .put("auth", true)
            .put("user", user.as_str())
            .put("passwordeval", Expr::Code("\"cat ${config.age.secrets.mail-password.path}\""));
        let file = Expr::Path(format!("../secrets/{}", super::MAIL_PASSWORD));
        set = set.put("age.secrets.mail-password.file", file);
    }
    let msmtp = Set::new().put("enable", true).put("accounts.default", account);
    let set = Set::new().put("programs.msmtp", msmtp).with(set);
    Some(Expr::module("{ config, ... }", set))
}

fn upgrades(home: &Home<'_>) -> Expr {
    let Some(upgrades) = &home.fleet.upgrades else { return Set::new().into() };
    let mut auto = Set::new().put("enable", true).put("upgrade", false);
    auto = match &upgrades.flake {
        Some(flake) => auto
            .note("What is pushed there is what runs: its lock file pins all versions.")
            .put("flake", Expr::text(flake)),
        None => auto
            .note("The fleet's own flake, as it lies on the machine; each upgrade moves its nixpkgs along the branch.")
            .put("flake", "/etc/nixos")
            .put("flags", Expr::texts(["--update-input", "nixpkgs"])),
    };
    auto = auto.put("dates", Expr::text(&upgrades.schedule));
    if let Some(jitter) = upgrades.jitter {
        auto = auto.note("Not all machines at once.").put("randomizedDelaySec", Expr::text(&jitter));
    }
    if let Some(window) = upgrades.reboot_window {
        let text = window.to_string();
        let (lower, upper) = text.split_once('-').unwrap_or((&text, &text));
        let window = Set::new().put("lower", lower).put("upper", upper);
        auto = auto
            .note("A new kernel needs a reboot; it happens only in these hours.")
            .put("allowReboot", true)
            .put("rebootWindow", window);
    }
    Set::new().put("system.autoUpgrade", auto).into()
}

fn k3s(home: &Home<'_>) -> Expr {
    let addresses = |role| {
        let nodes = home.with_role(role).into_iter();
        nodes.fold(Set::new(), |set, (name, machine)| set.put_named("", name.to_string(), Expr::text(&machine.address)))
    };
    let bindings = Set::new()
        .note("The cluster's machines by their addresses.")
        .put("servers", addresses(Role::K3sServer))
        .put("agents", addresses(Role::K3sAgent));
    let bindings = match &home.fleet.k3s.version {
        Some(version) => {
            let attribute = format!("k3s_{}", version.to_string().replace('.', "_"));
            bindings
                .note("Kubernetes moves by one minor release at a time, and never by itself.")
                .put("package", Expr::Select("pkgs", vec![attribute]))
        }
        None => bindings
            .note("The release of nixpkgs; name one in the fleet file to stay on it.")
            .put("package", Expr::Code("pkgs.k3s")),
    };
    let body = Expr::Code(include_str!("../../nix/k3s.nix"));
    Expr::module("{ config, lib, pkgs, ... }", Expr::Let(bindings, Box::new(body)))
}

fn k3s_server(home: &Home<'_>) -> Expr {
    let mut names: Vec<String> = Vec::new();
    for (name, machine) in home.with_role(Role::K3sServer) {
        names.extend([name.to_string(), home.full_name(name), machine.address.to_string()]);
    }
    let mut flags: Vec<String> = names.iter().map(|name| format!("--tls-san={name}")).collect();
    // Who may use sudo may use the cluster.
    flags.extend(["--write-kubeconfig-mode=0640", "--write-kubeconfig-group=wheel"].map(str::to_owned));
    if home.cluster_has_data() {
        flags.push("--default-local-storage-path=/data/kubernetes".to_owned());
    }
    let k3s = Set::new()
        .put("role", "server")
        .note("MetalLB gives addresses to services, and nothing needs an ingress.")
        .put("disable", Expr::texts(["servicelb", "traefik"]))
        .note(
            "The same on every server: names that its certificate is good for, the admin's way to the cluster (wheel\n\
             may be root anyway), and where volume claims lie.",
        )
        .put("extraFlags", Expr::texts(flags));
    let completion = Expr::Lines("source <(k3s completion bash)\nsource <(k3s kubectl completion bash)\n".to_owned());
    let mut imports: Vec<Expr> = ["./k3s.nix", "./cluster-manifests.nix", "./cluster-secrets.nix"]
        .map(|path| Expr::Path(path.to_owned()))
        .into();
    if home.publishes() {
        imports.push(Expr::Path("./publisher.nix".to_owned()));
    }
    let set = Set::new()
        .put("imports", imports)
        .put("services.k3s", k3s)
        .note("The cluster's API, for everybody in the LAN who has a key to it.")
        .put("networking.firewall.allowedTCPPorts", vec![Expr::Int(6443)])
        .put("environment.shellAliases.kubectl", "k3s kubectl")
        .note("Completion for k3s, and for kubectl under its alias.")
        .put("programs.bash.interactiveShellInit", completion);
    set.into()
}
