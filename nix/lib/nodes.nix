# A device tree → the names of its devices, as homehive's `--only` and `--wipe` take them: `disk.os`, `lvm_vg.nas`.
tree:
builtins.concatMap (kind: map (name: "${kind}.${name}") (builtins.attrNames tree.${kind})) (
  builtins.attrNames tree
)
