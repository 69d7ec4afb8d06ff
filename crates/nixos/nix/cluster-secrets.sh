#!/usr/bin/env bash
# Makes the cluster's Secrets from the files that agenix opened. What is secret goes through files in a directory that
# only root enters; it is never a word of a command, and never printed.
#
# Usage: cluster-secrets TABLE; RUNTIME_DIRECTORY is such a directory. With PRUNE=yes, Secrets that were made here before
# and are no longer in the table are removed. DEADLINE: how many seconds the cluster's API is waited for. It ends with 1
# where another try may do it, and with 3 where a file is missing.
set -euo pipefail
umask 077

table=$1
work=${RUNTIME_DIRECTORY:?}
deadline=$((SECONDS + ${DEADLINE:-120}))
# What was made here bears both; nothing else is ever removed.
mark=app.kubernetes.io/managed-by=homehive,app.kubernetes.io/part-of=homehive-secrets
failed=0

# No opened secret stays behind, however this ends.
trap 'rm -rf "$work"/*.json "$work/error"' EXIT

# Tries words until they succeed; what they say on standard output goes to a file.
again() {
    local what=$1 out=$2 told=
    shift 2
    until "$@" >"$out" 2>"$work/error"; do
        if [ "$SECONDS" -ge "$deadline" ]; then
            printf '%s: given up after %s s: %s\n' "$what" "$SECONDS" "$(tail -n 3 "$work/error")" >&2
            exit 1
        fi
        if [ -z "$told" ]; then
            printf '%s: not yet, trying again: %s\n' "$what" "$(tail -n 1 "$work/error")"
            told=yes
        fi
        sleep "${PAUSE:-5}"
    done
}

# shellcheck disable=SC2317 # called by its name
kubectl() {
    k3s kubectl --request-timeout=30s "$@"
}

# shellcheck disable=SC2317 # called by its name
apply() {
    kubectl apply --server-side --force-conflicts --field-manager=homehive-secrets -f "$@"
}

# Who reads a Secret at its start alone is started anew when it is another: its version stands in the template of the pods.
# That is the API server's own count, and says nothing of what is in it.
# shellcheck disable=SC2016,SC2317 # jq's variables; called by its name
renew() {
    local namespace=$1 deployment=$2 version=$3
    kubectl --namespace="$namespace" get deployment "$deployment" --ignore-not-found --output=json \
        >"$work/deployment.json" || return 1
    if ! [ -s "$work/deployment.json" ] || jq --exit-status --arg version "$version" \
        '.spec.template.metadata.annotations["homehive/secret-version"] == $version' "$work/deployment.json" >"$work/same.json"; then
        return 0
    fi
    jq --null-input --arg version "$version" \
        '{ spec: { template: { metadata: { annotations: { "homehive/secret-version": $version } } } } }' >"$work/patch.json"
    kubectl --namespace="$namespace" patch deployment "$deployment" --field-manager=homehive-secrets \
        --patch-file="$work/patch.json" --output=name
}

# One Secret, by its place in the table; its files are named by their paths.
# shellcheck disable=SC2016 # these are jq's variables
one='
def content($path): $ARGS.named[$path] | rtrimstr("\n") | rtrimstr("\r");
def value:
  if has("words") then .words
  elif has("file") then content(.file)
  else
    { "samba-container-config": "v0",
      users: { all_entries: (.users | to_entries
        | map({ name: .key, uid: .value.uid, gid: .value.uid, password: content(.value.file) })) } } | tojson
  end;
$table[0][$at]
| { apiVersion: "v1", kind: "Secret", type: "Opaque",
    metadata: {
      namespace: .namespace, name: .name,
      labels: {
        "app.kubernetes.io/managed-by": "homehive",
        "app.kubernetes.io/part-of": "homehive-secrets"
      }
    },
    data: (.keys | map_values(value | @base64)) }'

again "the cluster's API" "$work/ready.json" kubectl get --raw /readyz

count=$(jq length "$table")
if [ "$count" -gt 0 ]; then
    jq '{ apiVersion: "v1", kind: "List", items: (map(.namespace) | unique | map({
            apiVersion: "v1", kind: "Namespace",
            metadata: { name: ., labels: { "app.kubernetes.io/managed-by": "homehive" } } })) }' "$table" >"$work/namespaces.json"
    again "namespaces" "$work/answer.json" apply "$work/namespaces.json"
fi
for ((at = 0; at < count; at++)); do
    name=$(jq --raw-output --argjson at "$at" '.[$at] | "\(.namespace)/\(.name)"' "$table")
    missing=$(jq --raw-output --argjson at "$at" '.[$at].missing // [] | join(", ")' "$table")
    if [ -n "$missing" ] && ! jq --exit-status --argjson at "$at" '.[$at] | has("keys")' "$table" >"$work/answer.json"; then
        printf '%s: not made, for nobody has set %s\n' "$name" "$missing"
        continue
    elif [ -n "$missing" ]; then
        printf '%s: made without those who have no password, for nobody has set %s\n' "$name" "$missing"
    fi
    files=()
    good=yes
    while IFS= read -r file; do
        if ! [ -s "$file" ]; then
            printf '%s: not made: %s is not there, or empty\n' "$name" "$file" >&2
            good=no
        fi
        files+=(--rawfile "$file" "$file")
    done < <(jq --raw-output --argjson at "$at" \
        '.[$at].keys | [.[] | .file // empty, (.users // {})[].file] | unique[]' "$table")
    if [ "$good" = no ]; then
        failed=3
        continue
    fi
    jq --null-input --slurpfile table "$table" --argjson at "$at" "${files[@]}" "$one" >"$work/secret.json"
    again "$name" "$work/version.json" apply "$work/secret.json" --output='jsonpath={.metadata.resourceVersion}'
    rm "$work/secret.json"
    printf '%s: in the cluster\n' "$name"
    reader=$(jq --raw-output --argjson at "$at" '.[$at].reader // empty' "$table")
    if [ -n "$reader" ]; then
        again "$reader, which reads $name" "$work/answer.json" renew "${name%%/*}" "$reader" "$(cat "$work/version.json")"
        if [ -s "$work/answer.json" ]; then
            printf '%s: started anew, for %s is another\n' "$reader" "$name"
        fi
    fi
done

if [ "${PRUNE:-no}" = yes ]; then
    again "what was made before" "$work/there.json" kubectl get secrets --all-namespaces --selector="$mark" \
        --output='jsonpath={range .items[*]}{.metadata.namespace}{" "}{.metadata.name}{"\n"}{end}'
    while read -r namespace name; do
        if [ -n "$name" ] && jq --exit-status --arg namespace "$namespace" --arg name "$name" \
            'any(.[]; .namespace == $namespace and .name == $name) | not' "$table" >"$work/answer.json"; then
            again "$namespace/$name" "$work/answer.json" kubectl --namespace="$namespace" delete secret "$name" \
                --ignore-not-found
            printf '%s/%s: no longer declared, removed\n' "$namespace" "$name"
        fi
    done <"$work/there.json"
fi
exit "$failed"
