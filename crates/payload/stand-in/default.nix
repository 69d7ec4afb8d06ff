# The stand-in system closure as bare derivations: no nixpkgs, no network, built by the static busybox of the packages
# it is made from. Everything that a user chose comes in as files (`machine`), never as Nix code.
{
  packages, # path of the package tree, a tar
  sha256, # of that tar
  seed, # path of a directory that holds the packages' static `busybox`
  machine, # path of the machine's own files: kernel-params, grub-devices, label, etc/…
  scripts, # path of this directory
}:
let
  file =
    name:
    builtins.path {
      path = scripts + "/${name}";
      name = baseNameOf name;
    };
  first = builtins.path {
    path = seed;
    name = "busybox-seed";
  };
  make =
    name: busybox: attributes:
    derivation (
      {
        inherit name;
        system = "x86_64-linux";
        builder = "${busybox}/busybox";
        args = [
          "sh"
          (file "build/${name}.sh")
        ];
        PATH = "${busybox}";
      }
      // attributes
    );
  # Applets under their own names: the one thing that scripts may rely on before the userland is linked into the root.
  tools = make "tools" first { inherit first; };
  bin = "${tools}/bin";
  base = make "base" bin {
    outputs = [
      "userland"
      "kernel"
    ];
    archive = builtins.path {
      path = packages;
      name = "packages.tar";
      recursive = false;
      inherit sha256;
    };
    programs = file "build/programs.txt";
    modules = file "build/modules.txt";
    rules = file "run/64-md-raid-remove.rules";
  };
  initrd = make "initrd" bin {
    inherit tools;
    inherit (base) userland kernel;
    modules = file "build/initrd-modules.txt";
    initScript = file "run/initrd.sh";
    assemble = file "run/assemble.sh";
  };
  scriptsOfUnits = make "scripts" bin {
    inherit tools;
    devices = file "run/devices.sh";
    network = file "run/network.sh";
    storage = file "run/storage.sh";
    assemble = file "run/assemble.sh";
    shutdown = file "run/shutdown.sh";
    debug = file "run/debug-shell.sh";
    demo = file "run/demo.sh";
    announce = file "run/announce.sh";
    button = file "run/power-button.sh";
    trial = file "run/boot-trial.sh";
  };
in
make "system" bin {
  inherit tools initrd;
  inherit (base) userland kernel;
  scripts = scriptsOfUnits;
  machine = builtins.path {
    path = machine;
    name = "machine";
  };
  initScript = file "run/init.sh";
  activate = file "run/activate.sh";
  power = file "run/power.sh";
  switch = file "run/switch-to-configuration.sh";
}
