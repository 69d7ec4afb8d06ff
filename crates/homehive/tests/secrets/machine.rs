//! What a server does with the opened files: the rendered module's own table and script, against a real API server.

use crate::apiserver::ApiServer;
use crate::home::{Home, has};
use crate::search::{Haystack, Needle};
use base64::Engine as _;
use serde_json::Value;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

const BEN: &str = "canary-of-ben-\"quoted\"-$(words)-8d1f";
const EVA: &str = "canary of eva ü 77aa";

/// A server's surroundings: what agenix opened, its directory in memory, and `k3s kubectl`.
pub struct Server {
    dir: tempfile::TempDir,
    pub api: ApiServer,
    pub table: PathBuf,
}

impl Server {
    pub fn path(&self, path: &str) -> PathBuf {
        self.dir.path().join(path)
    }

    pub fn new(home: &Home) -> Option<Self> {
        if !["kubectl", "jq", "nix-instantiate", "bash"].into_iter().all(has) {
            return None;
        }
        let server = Self { dir: tempfile::tempdir().unwrap(), api: ApiServer::start()?, table: PathBuf::new() };
        for dir in ["bin", "opened", "run"] {
            fs::create_dir(server.path(dir)).unwrap();
        }
        let k3s = format!(
            "#!/bin/sh\n[ \"$1\" = kubectl ] || exit 2\nshift\nexec kubectl --kubeconfig={} \"$@\"\n",
            server.api.kubeconfig().display()
        );
        fs::write(server.path("bin/k3s"), k3s).unwrap();
        fs::set_permissions(server.path("bin/k3s"), fs::Permissions::from_mode(0o755)).unwrap();
        let table = server.path("table.json");
        fs::write(&table, table_of(home, &server.path("opened"))).unwrap();
        for (name, value) in [("samba-ben", BEN), ("samba-eva", EVA), ("mail-password", "of the mail server")] {
            server.open(name, value);
        }
        // agenix writes what was sealed; some tools seal a newline with it.
        server.open("grafana-password", "of-grafana-0123\n");
        Some(Self { table, ..server })
    }

    fn open(&self, name: &str, value: &str) {
        fs::write(self.path("opened").join(name), value).unwrap();
    }

    pub fn command(&self, script: &Path, deadline: u32, prune: bool) -> Command {
        let mut command = Command::new("bash");
        command.arg(script).arg(&self.table).env("RUNTIME_DIRECTORY", self.path("run")).env("HOME", self.path("run"));
        command.env("DEADLINE", deadline.to_string()).env("PAUSE", "1").env("PRUNE", if prune { "yes" } else { "no" });
        let path = format!("{}:{}", self.path("bin").display(), std::env::var("PATH").unwrap());
        command.env("PATH", path);
        command
    }

    /// What the cluster has under this name, decoded.
    pub fn secret(&self, namespace: &str, name: &str) -> Option<Value> {
        self.get("secret", namespace, name)
    }

    fn get(&self, kind: &str, namespace: &str, name: &str) -> Option<Value> {
        let kubeconfig = format!("--kubeconfig={}", self.api.kubeconfig().display());
        let words = ["get", kind, "--namespace", namespace, name, "--output=json", "--ignore-not-found"];
        let output = Command::new("kubectl").arg(kubeconfig).args(words).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice(&output.stdout).ok()
    }

    fn create(&self, object: &Value) {
        let path = self.path("object.json");
        fs::write(&path, object.to_string()).unwrap();
        let kubeconfig = format!("--kubeconfig={}", self.api.kubeconfig().display());
        let output = Command::new("kubectl").args([&kubeconfig, "create", "--filename"]).arg(path).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }

    fn value(&self, namespace: &str, name: &str, key: &str) -> String {
        let secret = self.secret(namespace, name).unwrap_or_else(|| panic!("no secret {namespace}/{name}"));
        let data = secret["data"][key].as_str().unwrap_or_else(|| panic!("no {key} in {namespace}/{name}"));
        String::from_utf8(base64::engine::general_purpose::STANDARD.decode(data).unwrap()).unwrap()
    }
}

/// What Nix makes of the rendered module; `opened` is where agenix would put what it opens, `part` what is asked for.
pub fn made(home: &Home, opened: &Path, part: &str) -> Value {
    let expression = format!(
        r#"
        {{ module, opened, names }}:
        let
          lib.genAttrs = names: f: builtins.listToAttrs (map (name: {{ inherit name; value = f name; }}) names);
          secret = name: {{ path = "${{opened}}/${{name}}"; file = name; }};
          config = {{
            age.secrets = lib.genAttrs (builtins.fromJSON names) secret;
            networking.hostName = "nas";
            services.k3s.package = "k3s";
          }};
          pkgs = {{ coreutils = ""; jq = ""; writeText = _: text: text; writeShellScript = name: _: name; }};
          made = import (/. + module) {{ inherit config lib pkgs; }};
          unit = made.systemd.services.homehive-secrets;
          words = unit.serviceConfig.ExecStart;
        in
        {part}
    "#
    );
    let names = r#"["grafana-password", "mail-password", "samba-ben", "samba-eva"]"#;
    let mut nix = Command::new("nix-instantiate");
    nix.args(["--eval", "--strict", "--json", "--readonly-mode", "--expr", &expression, "--argstr", "names", names]);
    nix.args(["--argstr", "module"]).arg(home.path("fleet/modules/cluster-secrets.nix"));
    nix.args(["--argstr", "opened"]).arg(opened);
    let output = nix.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// The table that the rendered unit hands to its script.
pub fn table_of(home: &Home, opened: &Path) -> String {
    let table = made(home, opened, "builtins.substring (builtins.stringLength \"cluster-secrets \") (-1) words");
    table.as_str().unwrap().to_owned()
}

pub fn home() -> Home {
    let home = Home::new("nas", &["owner"]);
    home.edit(|text| text.replace("size = \"10TiB\"", "size = \"10TiB\"\nusers = [\"ben\", \"eva\"]"));
    home.told(&["secrets", "init"], "", 1);
    for name in ["samba-ben", "samba-eva", "mail-password"] {
        home.told(&["secrets", "set", name], "stands for it", 0);
    }
    home.told(&["render"], "", 0);
    home
}

pub fn script(home: &Home) -> PathBuf {
    home.path("fleet/modules/cluster-secrets.sh")
}

pub fn told(output: &Output) -> String {
    String::from_utf8_lossy(&[output.stdout.clone(), output.stderr.clone()].concat()).into_owned()
}

#[test]
fn the_clusters_secrets_are_made_and_follow_their_files() {
    let home = home();
    let Some(server) = Server::new(&home) else { return };
    let script = script(&home);
    let run = |prune: bool| {
        let output = server.command(&script, 60, prune).output().unwrap();
        let text = told(&output);
        assert!(output.status.success(), "{text}");
        text
    };
    let mut haystack = Haystack::default();
    haystack.add("what it told", run(true));
    assert_eq!(server.value("monitoring", "grafana-admin", "admin-user"), "admin");
    assert_eq!(server.value("monitoring", "grafana-admin", "admin-password"), "of-grafana-0123");
    assert_eq!(server.value("monitoring", "alertmanager-mail", "password"), "of the mail server");
    let users: Value = serde_json::from_str(&server.value("samba", "share-users-storage", "users.json")).unwrap();
    let wanted = serde_json::json!({
        "samba-container-config": "v0",
        "users": { "all_entries": [
            { "name": "ben", "uid": 284_803, "gid": 284_803, "password": BEN },
            { "name": "eva", "uid": 374_698, "gid": 374_698, "password": EVA },
        ] }
    });
    assert_eq!(users, wanted);
    let users: Value = serde_json::from_str(&server.value("samba", "share-users-timemachine", "users.json")).unwrap();
    assert_eq!(users["users"]["all_entries"].as_array().unwrap().len(), 1);
    // Nothing is left behind in the directory but kubectl's cache.
    let left: Vec<String> = fs::read_dir(server.path("run"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name != ".kube")
        .collect();
    assert!(left.is_empty(), "{left:?}");
    // Again: nothing changes.
    let version = |name: &str| server.secret("samba", name).unwrap()["metadata"]["resourceVersion"].clone();
    let before = version("share-users-storage");
    run(true);
    assert_eq!(version("share-users-storage"), before);
    // A new password, and a share that is gone.
    server.open("samba-ben", "another-password-of-ben");
    let text = fs::read_to_string(&server.table).unwrap();
    let mut table: Vec<Value> = serde_json::from_str(&text).unwrap();
    table.retain(|secret| secret["name"] != "share-users-timemachine");
    // Not set any more is not the same as gone.
    let mail = table.iter_mut().find(|secret| secret["name"] == "alertmanager-mail").unwrap();
    *mail = serde_json::json!({ "namespace": "monitoring", "name": "alertmanager-mail", "missing": ["mail-password"] });
    fs::write(&server.table, serde_json::to_string(&table).unwrap()).unwrap();
    run(false);
    assert!(server.value("samba", "share-users-storage", "users.json").contains("another-password-of-ben"));
    assert!(server.secret("samba", "share-users-timemachine").is_some(), "only one server removes");
    let text = run(true);
    assert!(text.contains("share-users-timemachine: no longer declared, removed"), "{text}");
    assert!(text.contains("alertmanager-mail: not made, for nobody has set mail-password"), "{text}");
    assert!(server.secret("samba", "share-users-timemachine").is_none());
    assert!(server.secret("monitoring", "alertmanager-mail").is_some());
    haystack.add("what it told later", text);
    let needles = [Needle::new("ben", BEN), Needle::new("eva", EVA), Needle::new("grafana", "of-grafana-0123")];
    assert_eq!(haystack.find(&needles), Vec::<String>::new());
}

/// The server of a share reads its users when it starts, and never again: one who was removed would go on as before.
#[test]
fn a_shares_server_is_started_anew_for_another_list_of_users() {
    let home = home();
    let Some(server) = Server::new(&home) else { return };
    let script = script(&home);
    let run = || {
        let output = server.command(&script, 60, true).output().unwrap();
        let text = told(&output);
        assert!(output.status.success(), "{text}");
        text
    };
    let stamp = |name: &str| {
        let deployment = server.get("deployment", "samba", name).unwrap();
        let annotations = &deployment["spec"]["template"]["metadata"]["annotations"];
        (deployment["metadata"]["generation"].clone(), annotations["homehive/secret-version"].clone())
    };
    let version = |name: &str| server.secret("samba", name).unwrap()["metadata"]["resourceVersion"].clone();
    // No server yet: nothing to start anew, and nothing is made in its place.
    assert!(!run().contains("started anew"));
    assert!(server.get("deployment", "samba", "storage").is_none());
    for name in ["storage", "timemachine"] {
        server.create(&serde_json::json!({
            "apiVersion": "apps/v1", "kind": "Deployment", "metadata": { "namespace": "samba", "name": name },
            "spec": {
                "selector": { "matchLabels": { "server": name } },
                "template": {
                    "metadata": { "labels": { "server": name }, "annotations": { "mine": "stays" } },
                    "spec": { "containers": [{ "name": "samba", "image": "samba" }] },
                },
            },
        }));
    }
    let text = run();
    assert!(text.contains("storage: started anew, for samba/share-users-storage is another"), "{text}");
    assert_eq!(stamp("storage").1, version("share-users-storage"));
    // Nothing is another.
    let before = (stamp("storage"), stamp("timemachine"));
    assert!(!run().contains("started anew"));
    assert_eq!((stamp("storage"), stamp("timemachine")), before);
    // Another password of somebody who uses one of them, somebody who goes, and somebody who comes with no password yet.
    let table = fs::read_to_string(&server.table).unwrap();
    let without_eva = |value: &mut Value| {
        let users = value["keys"]["users.json"]["users"].as_object_mut().unwrap();
        users.remove("eva");
        value["missing"] = serde_json::json!(["samba-ada"]);
    };
    let mut last = stamp("storage");
    let mut renewed = |case: &str| {
        let text = run();
        let now = stamp("storage");
        assert!(text.contains("storage: started anew"), "{case}: {text}");
        assert_eq!(now.1, version("share-users-storage"), "{case}");
        assert_ne!(now, last, "{case}");
        assert_eq!(stamp("timemachine"), before.1, "{case}: not its users");
        last = now;
        text
    };
    server.open("samba-eva", "another-password-of-eva");
    let text = renewed("password");
    assert!(!text.contains("another-password-of-eva"));
    let mut table: Vec<Value> = serde_json::from_str(&table).unwrap();
    without_eva(table.iter_mut().find(|secret| secret["name"] == "share-users-storage").unwrap());
    fs::write(&server.table, serde_json::to_string(&table).unwrap()).unwrap();
    let text = renewed("removed");
    assert!(text.contains("made without those who have no password, for nobody has set samba-ada"), "{text}");
    let users = server.value("samba", "share-users-storage", "users.json");
    assert!(users.contains("ben") && !users.contains("eva"), "removed");
    let deployment = server.get("deployment", "samba", "storage").unwrap();
    assert_eq!(deployment["spec"]["template"]["metadata"]["annotations"]["mine"], "stays");
}

#[test]
fn no_secret_is_a_word_of_a_command_there() {
    let home = home();
    if !has("strace") {
        return;
    }
    let Some(server) = Server::new(&home) else { return };
    let log = server.path("strace");
    let begun = server.command(&script(&home), 60, true);
    let mut strace = Command::new("strace");
    strace.args(["-f", "-qq", "-v", "-s", "65535", "-e", "trace=execve", "-o"]).arg(&log);
    strace.arg(begun.get_program()).args(begun.get_args());
    for (name, value) in begun.get_envs() {
        strace.env(name, value.unwrap());
    }
    let output = strace.output().unwrap();
    assert!(output.status.success(), "{}", told(&output));
    let mut haystack = Haystack::default();
    let text = fs::read_to_string(&log).unwrap();
    assert!(text.matches("\"apply\"").count() >= 5, "its commands are seen");
    haystack.add("processes", text.replace("\\\"", "\"").replace("\\\\", "\\"));
    haystack.add("processes, quoted", text);
    let needles = [Needle::new("ben", BEN), Needle::new("eva", EVA), Needle::new("grafana", "of-grafana-0123")];
    assert_eq!(haystack.find(&needles), Vec::<String>::new());
}

#[test]
fn an_api_server_that_is_away_is_waited_for_until_the_deadline() {
    let home = home();
    let Some(mut server) = Server::new(&home) else { return };
    let script = script(&home);
    server.api.cut();
    let output = server.command(&script, 2, true).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(told(&output).contains("the cluster's API: given up after"), "{}", told(&output));
    let waiting = server.command(&script, 120, true).stdout(std::process::Stdio::piped()).spawn().unwrap();
    server.api.serve();
    let output = waiting.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", told(&output));
    assert_eq!(server.value("monitoring", "grafana-admin", "admin-user"), "admin");
    // A file that agenix could not open: the others are made, and the unit fails.
    fs::remove_file(server.path("opened/samba-eva")).unwrap();
    server.open("grafana-password", "of-grafana-4567");
    let output = server.command(&script, 60, true).output().unwrap();
    assert_eq!(output.status.code(), Some(3), "{}", told(&output));
    assert!(told(&output).contains("samba/share-users-storage: not made"), "{}", told(&output));
    assert_eq!(server.value("monitoring", "grafana-admin", "admin-password"), "of-grafana-4567");
}

#[test]
fn the_script_passes_shellcheck() {
    if !has("shellcheck") {
        return;
    }
    let home = home();
    let output = Command::new("shellcheck").arg(script(&home)).output().unwrap();
    assert!(output.status.success(), "{}", told(&output));
}
