#!/bin/sh
# Everything the image holds, in a folder: the program, stripped, the shared libraries it needs and the loader, each where
# the program looks for it. Nothing else.
#   usage: deploy/image/files.sh PATH-TO-CASTSLICE FOLDER
set -eu
umask 022                                               # another user reads them

castslice=$1
folder=$2

rm -rf "$folder"
mkdir -p "$folder/usr/bin"
strip --strip-unneeded -o "$folder/usr/bin/castslice" "$castslice"
chmod 755 "$folder/usr/bin/castslice"

# "  libyaml-0.so.2 => /lib/…/libyaml-0.so.2 (0x…)" and "  /lib64/ld-linux-x86-64.so.2 (0x…)"; one not found has no path
needed=$(ldd "$castslice")
if echo "$needed" | grep 'not found' >&2; then exit 2; fi
for library in $(echo "$needed" | grep -o '/[^ ]*'); do
    mkdir -p "$folder${library%/*}"
    cp -L "$library" "$folder$library"
    chmod 755 "$folder$library"
done

(cd "$folder" && find . -type f -printf '  FILE  %10s  /%P\n' | sort -k 3)
