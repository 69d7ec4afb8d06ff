# A fleet file in Nix → the fleet as plain data, and where each attribute of it is written.
{ file }:
let
  path = /. + file;
  dir = toString (dirOf path);
  written = import path;
  fleet = if builtins.isFunction written then written { } else written;
  show = keys: builtins.concatStringsSep "." keys;

  # A path is the user's own module: it is told as seen from the fleet file, and never copied to the store.
  relative =
    text:
    let
      own = builtins.substring 0 (builtins.stringLength dir + 1) text == dir + "/";
    in
    if own then builtins.substring (builtins.stringLength dir + 1) (-1) text else text;

  plain =
    keys: value:
    let
      kind = builtins.typeOf value;
    in
    if kind == "set" then
      if value.type or null == "derivation" then
        throw "`${show keys}` is a derivation; a fleet is made of plain values"
      else
        builtins.mapAttrs (name: plain (keys ++ [ name ])) value
    else if kind == "list" then
      indexed keys value
    else if kind == "path" then
      relative (toString value)
    else if kind == "lambda" then
      throw "`${show keys}` is a function; a fleet is made of plain values"
    else
      value;
  indexed =
    keys: list:
    builtins.genList (index: plain (keys ++ [ (toString index) ]) (builtins.elemAt list index)) (
      builtins.length list
    );

  places =
    keys: value:
    let
      kind = builtins.typeOf value;
    in
    if kind == "set" then
      builtins.concatMap (
        name:
        let
          here = keys ++ [ name ];
        in
        [
          {
            keys = here;
            at = builtins.unsafeGetAttrPos name value;
          }
        ]
        ++ places here value.${name}
      ) (builtins.attrNames value)
    else if kind == "list" then
      builtins.concatLists (
        builtins.genList (index: places (keys ++ [ (toString index) ]) (builtins.elemAt value index)) (
          builtins.length value
        )
      )
    else
      [ ];
in
{
  fleet = plain [ ] fleet;
  places = places [ ] fleet;
}
