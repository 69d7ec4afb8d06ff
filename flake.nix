{
  description = "From blank disks to a verified NixOS home cloud: one fleet file, one binary";

  inputs = {
    nixpkgs.url = "github:NixOS/nixpkgs/nixos-26.05";

    # Secrets on the machines of `lib.fleet`.
    agenix = {
      url = "github:ryantm/agenix/0.15.0";
      inputs = {
        nixpkgs.follows = "nixpkgs";
        darwin.follows = "";
        home-manager.follows = "";
      };
    };
  };

  outputs =
    {
      self,
      nixpkgs,
      agenix,
    }:
    let
      systems = [
        "x86_64-linux"
        "aarch64-linux"
      ];
      each = make: nixpkgs.lib.genAttrs systems (system: make nixpkgs.legacyPackages.${system});
      hive = import ./nix/lib {
        inherit nixpkgs agenix;
        homehive = system: self.packages.${system}.default;
      };
    in
    {
      packages = each (
        pkgs:
        let
          homehive = pkgs.callPackage ./nix/package.nix { };
        in
        {
          inherit homehive;
          homehive-publish-shares = pkgs.callPackage ./nix/publish-shares.nix { };
          default = homehive;
        }
      );
      devShells = each (pkgs: {
        default = import ./nix/shell.nix { inherit pkgs; };
      });
      nixosModules = {
        default = ./nix/module.nix;
        publisher = ./nix/publisher-module.nix;
        # Not a module but a function that gives one, under the name that users of older tools know.
        inherit (hive) bootImage;
      };
      lib = hive;
    };
}
