# Makes plain data of evaluated disko devices: without disko's inner attributes (`_create`, …) and functions, and with
# what mkDefault, mkForce, mkOrder and mkIf wrap.
let
  plain =
    value:
    if builtins.isAttrs value then
      if value ? outPath || value.type or null == "derivation" then
        builtins.unsafeDiscardStringContext (toString value)
      else if value ? _type && builtins.elem value._type [ "override" "order" ] then
        plain value.content
      else if value.type or null == "if" || value._type or null == "if" then
        if value.condition then plain value.content else null
      else if value._type or null == "merge" then
        throw "mkMerge: homehive reads one device tree; evaluate it by a flake (FLAKE#host)"
      else
        builtins.mapAttrs (_: plain) (
          removeAttrs value (
            builtins.filter (
              name: builtins.substring 0 1 name == "_" || builtins.isFunction value.${name}
            ) (builtins.attrNames value)
          )
        )
    else if builtins.isList value then
      map plain value
    else if builtins.isFunction value then
      null
    else if builtins.isPath value then
      toString value
    else if builtins.isString value then
      builtins.unsafeDiscardStringContext value
    else
      value;
in
plain
