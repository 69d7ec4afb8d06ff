# mergeDiskoDevices: one device tree from several. Each device (`disk.os`, `lvm_vg.nas`) stands in one of them: a clash is
# an error that names both places.
trees:
let
  place =
    tree: kind: name:
    let
      at = builtins.unsafeGetAttrPos name tree.${kind};
    in
    if at == null then "somewhere" else "${at.file}:${toString at.line}";
  addKind =
    tree: merged: kind:
    let
      known = merged.${kind} or { };
      clash = name: throw "`${kind}.${name}` is declared twice: at ${place merged kind name} and at ${place tree kind name}";
      clashes = builtins.filter (name: known ? ${name}) (builtins.attrNames tree.${kind});
    in
    if !builtins.isAttrs tree.${kind} then
      throw "`${kind}` holds no devices: it is ${builtins.typeOf tree.${kind}}, not a set of them"
    else if clashes != [ ] then
      clash (builtins.head clashes)
    else
      merged // { ${kind} = known // tree.${kind}; };
  add = merged: tree: builtins.foldl' (addKind tree) merged (builtins.attrNames tree);
in
builtins.foldl' add { } trees
