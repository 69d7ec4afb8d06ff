# Evaluates a file with a disko device tree: an attribute set, or a function of the arguments that disko and NixOS give.
{
  file,
  nixpkgs,
  plain,
}:
let
  # Enough of nixpkgs' lib for device trees, where no nixpkgs is given.
  small = builtins // rec {
    mkIf = condition: content: {
      _type = "if";
      inherit condition content;
    };
    mkOverride = _: content: {
      _type = "override";
      inherit content;
    };
    mkDefault = mkOverride 1000;
    mkForce = mkOverride 50;
    mkMerge = contents: {
      _type = "merge";
      inherit contents;
    };
    nameValuePair = name: value: { inherit name value; };
    genAttrs = names: make: builtins.listToAttrs (map (name: nameValuePair name (make name)) names);
    mapAttrs' =
      make: set: builtins.listToAttrs (map (name: make name set.${name}) (builtins.attrNames set));
    mapAttrsToList = make: set: map (name: make name set.${name}) (builtins.attrNames set);
    filterAttrs =
      keep: set:
      removeAttrs set (builtins.filter (name: !(keep name set.${name})) (builtins.attrNames set));
    optional = condition: value: if condition then [ value ] else [ ];
    optionals = condition: values: if condition then values else [ ];
    optionalAttrs = condition: set: if condition then set else { };
    optionalString = condition: text: if condition then text else "";
    range = first: last: if first > last then [ ] else builtins.genList (n: first + n) (last - first + 1);
    imap0 = make: list: builtins.genList (n: make n (builtins.elemAt list n)) (builtins.length list);
    imap1 = make: imap0 (n: make (n + 1));
    last = list: builtins.elemAt list (builtins.length list - 1);
    foldr =
      merge: start: list:
      if list == [ ] then start else merge (builtins.head list) (foldr merge start (builtins.tail list));
    flatten = value: if builtins.isList value then builtins.concatMap flatten value else [ value ];
    recursiveUpdate =
      left: right:
      left
      // builtins.mapAttrs (
        name: value:
        if builtins.isAttrs value && builtins.isAttrs (left.${name} or null) then
          recursiveUpdate left.${name} value
        else
          value
      ) right;
    concatStrings = builtins.concatStringsSep "";
    concatMapStringsSep = separator: make: list: builtins.concatStringsSep separator (map make list);
    concatMapStrings = concatMapStringsSep "";
    hasPrefix = prefix: text: builtins.substring 0 (builtins.stringLength prefix) text == prefix;
    removePrefix =
      prefix: text:
      if hasPrefix prefix text then builtins.substring (builtins.stringLength prefix) (-1) text else text;
    strings = { inherit (builtins) replaceStrings concatStringsSep; };
    attrsets = { inherit genAttrs recursiveUpdate filterAttrs; };
    lists = { inherit range optional optionals; };
  };
  lib = if nixpkgs == "" then small else import (/. + nixpkgs + "/lib");
  unknown = name: throw "the file asks for `${name}`, which only a whole configuration has: import it as FLAKE#host";
  known = {
    inherit lib;
    config = unknown "config";
    options = unknown "options";
    pkgs = unknown "pkgs";
  };
  value = import file;
  asked = builtins.functionArgs value;
  wanted = builtins.filter (name: known ? ${name} || !asked.${name}) (builtins.attrNames asked);
  arguments = builtins.listToAttrs (
    map (name: {
      inherit name;
      value = known.${name} or (unknown name);
    }) wanted
  );
  tree =
    if builtins.isFunction value then value (if asked == { } then known else arguments) else value;
  devices = tree.disko.devices or (tree.devices or tree);
in
{
  devices = plain (removeAttrs devices [ "imports" ]);
  imports = builtins.length (tree.imports or [ ]);
}
