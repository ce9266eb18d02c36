#!/bin/sh
# The layer rules of the design, as a check that fails: who may include what, and who may call whom.
#   usage: layers.sh [DIR]     DIR holds the C program (default: host)
#          layers.sh --self-test   breaks each rule once in a copy and expects a complaint
set -eu

host=host
found=0

complain() { printf '%s\n' "$1" >&2; found=1; }

# only PATTERN FILES…: no other file of $host has a line that matches PATTERN
only() {
    pattern=$1; shift
    for file in "$host"/*.c "$host"/*.h; do
        name=${file##*/}
        allowed=no
        for a in "$@"; do
            # shellcheck disable=SC2254  # the patterns are meant to be patterns
            case $name in $a) allowed=yes ;; esac
        done
        [ $allowed = yes ] && continue
        line=$(grep -nE "$pattern" "$file" | head -n 1) || true
        [ -z "$line" ] || complain "$file:${line%%:*}: only $* may have: ${line#*:}"
    done
}

# never FILES… -- HEADERS…: none of these files includes one of these headers
never() {
    files=
    while [ "$1" != -- ]; do files="$files $1"; shift; done
    shift
    for name in $files; do
        for header in "$@"; do
            for file in "$host/$name.c" "$host/$name.h"; do
                [ -f "$file" ] || continue
                line=$(grep -nE "#include \"$header\.h\"" "$file" | head -n 1) || true
                [ -z "$line" ] || complain "$file:${line%%:*}: $name must not know $header.h"
            done
        done
    done
}

rules() {
    only '#include <microhttpd.h>' listener.c listener.h http.c http.h tls.c tls.h
    only '#include <gnutls/' listener.c http.c tls.c tls.h
    only '#include <openssl/' 'certificate*.c' certificate_material.h certificate_pem.h certificate_names.h certificate_go.h digest.c
    only '#include <yaml.h>' yaml.c
    only '#include <cjson/|#include <cJSON.h>|#include "cJSON' json.c
    only '#include <(lua|lualib|lauxlib)\.h>' vm.c sandbox.c sandbox.h 'lua_*.c' 'lua_*.h'
    only 'cJSON_[A-Z]' json.c
    only '"patchType|"admission\.k8s\.io/|"oldObject"|"userInfo"' review.c
    only '"(ownerReferences|initContainers|restartPolicy|nodeName|serviceAccountName|schedulerName|runtimeClassName|nodeSelector)"' pod.c
    # cJSON's look-ups that ignore case
    only 'cJSON_(GetObjectItem|HasObjectItem|DetachItemFromObject|DeleteItemFromObject|ReplaceItemInObject)\(' nobody
    # the engine: what admission stands on knows no server, no command, no file format but JSON
    lua=$(cd "$host" && ls lua_*.c | sed 's/\.c$//')
    # shellcheck disable=SC2086  # a list of names
    never admission pod decision patch review quantity vm sandbox heap bundle embedded $lua -- \
          http listener tls server metrics log options certificate commands yaml source splice manifest
    never json json_scan quantity utf8 buf mem error nearest -- pod decision patch review admission vm bundle sandbox
    never data frozen -- pod decision patch review admission vm bundle sandbox
    never pod -- decision patch review admission vm bundle
    never decision -- patch review admission vm bundle
    never patch -- review admission vm bundle
    # shellcheck disable=SC2086
    never vm sandbox heap bundle embedded $lua -- patch review admission
}

self_test() {
    copy=$(mktemp -d); trap 'rm -rf "$copy"' EXIT
    for break in 'pod.c:#include <microhttpd.h>' 'patch.c:#include <lua.h>' 'http.c:#include <openssl/evp.h>' \
                 'admission.c:#include "http.h"' 'review.c:cJSON_Parse(x);' 'json.c:cJSON_GetObjectItem(x, y);' 'http.c:x = "initContainers";' \
                 'cmd_review.c:#include <yaml.h>' 'patch.c:#include "admission.h"' 'json.c:#include "pod.h"' \
                 'data.c:#include "vm.h"'; do
        rm -rf "$copy/host"; cp -r host "$copy/host"
        printf '%s\n' "${break#*:}" >> "$copy/host/${break%%:*}"
        if "$0" "$copy/host" 2>/dev/null; then
            echo "layers.sh: nobody minds ${break#*:} in ${break%%:*}" >&2; exit 1
        fi
    done
    echo "layers: every broken rule is found"
}

if [ "${1:-}" = --self-test ]; then self_test; exit; fi
host=${1:-host}
rules
[ $found = 0 ] || exit 1
echo "layers: hold"
