#!/bin/sh
# What `make demo` runs: the server on free ports with a throw-away certificate, one recorded review
# through TLS, the Pod before and after, the metrics, and the end of it.
#   usage: docs/demo.sh PATH-TO-CASTSLICE
set -eu

castslice=$1
here=$(cd "$(dirname "$0")" && pwd)
review=$here/../tests/reviews/ollama-inference.json
work=$(mktemp -d)
server=
trap '[ -z "$server" ] || kill "$server" 2>/dev/null || :; rm -rf "$work"' EXIT INT TERM

say() { if [ -t 1 ]; then printf '\n\033[1m%s\033[0m\n' "$*"; else printf '\n%s\n' "$*"; fi; }
fail() { echo "demo: $*" >&2; sed 's/^/  /' "$work/log" >&2; exit 1; }

ready_line() {
    tries=0
    until grep '"msg":"ready"' "$work/log"; do
        kill -0 "$server" 2>/dev/null || fail "the server ended before it was ready"
        tries=$((tries + 1)); [ $tries -lt 200 ] || fail "no ready line after 10 seconds"
        sleep 0.05
    done
}

gpus() { jq -c '.spec.containers[] | {container: .name, limits: .resources.limits, requests: .resources.requests}'; }

say '1. Start the webhook: HTTPS for the API server, HTTP for Prometheus, the embedded policy.'
"$castslice" serve --listen 127.0.0.1:0 --metrics-listen 127.0.0.1:0 --drain-seconds 0 2>"$work/log" &
server=$!
ready=$(ready_line)
webhook=$(printf '%s' "$ready" | jq -r .webhook)
metrics=$(printf '%s' "$ready" | jq -r .metrics)
echo "   $webhook/mutate   $metrics/metrics"

say '2. The API server asks about the Pod of docs/ollama.yaml (a recorded AdmissionReview).'
jq .request.object "$review" >"$work/before.json"
jq -r '.metadata.annotations | to_entries[] | "   \(.key): \(.value)"' "$work/before.json"
printf '   before  '; gpus <"$work/before.json"

say '3. POST it over TLS.'
curl --silent --show-error --fail-with-body --insecure --header 'Content-Type: application/json' \
    --data-binary "@$review" "$webhook/mutate?timeout=10s" >"$work/answer.json" || fail "the review was not answered"
jq -c '{uid: .response.uid, allowed: .response.allowed, patchType: .response.patchType, why: .response.auditAnnotations.reason}' \
    "$work/answer.json" | sed 's/^/   /'
jq -r .response.patch "$work/answer.json" | base64 -d >"$work/patch.json"
jq -c '.[]' "$work/patch.json" | sed 's/^/   /'

say '4. The Pod as the API server will store it.'
# RFC 6902 in jq: only the two operations there are, on paths without numbers in their keys
jq --slurpfile patch "$work/patch.json" '
    def path_of: .path | ltrimstr("/") | split("/")
        | map(gsub("~1"; "/") | gsub("~0"; "~") | if test("^[0-9]+$") then tonumber else . end);
    reduce $patch[0][] as $op (.; if $op.op == "remove" then delpaths([$op | path_of]) else setpath($op | path_of; $op.value) end)
' "$work/before.json" >"$work/after.json"
printf '   after   '; gpus <"$work/after.json"

say '5. What Prometheus sees.'
curl --silent --fail "$metrics/metrics" | grep -E '^castslice_(requests|mutations|noop|errors)_total' | sed 's/^/   /'

say '6. Stop.'
kill -TERM "$server"
status=0; wait "$server" || status=$?
server=
[ $status -eq 0 ] || fail "the server ended with status $status"
[ "$(jq -r '.spec.containers[0].resources.limits["nvidia.com/gpu-shared"]' "$work/after.json")" = 2 ] ||
    fail "the Pod did not get its 2 slices"
cat <<END
   done: nvidia.com/gpu: "1" became nvidia.com/gpu-shared: "2"

Next:  $castslice review docs/ollama.yaml      the same decision for your own manifests, and why
       policies/default/policy.lua             the policy that decided; change a number, then
       $castslice review --policy policies/default docs/ollama.yaml
END
