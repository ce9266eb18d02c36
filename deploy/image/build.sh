#!/bin/sh
# The image, from FOLDER/files as deploy/image/files.sh left them, into FOLDER/castslice.oci.tar. The last stage of the
# Containerfile is what is built; its first stage is replaced by the files that are there. No registry is asked, no
# container runs, and the storage it needs is removed.
#   usage: deploy/image/build.sh FOLDER VERSION
set -eu

folder=$1
version=$2
here=$(cd "$(dirname "$0")" && pwd)
created=${SOURCE_DATE_EPOCH:-$(git -C "$here" log -1 --format=%ct 2>/dev/null || echo 0)}
revision=$(git -C "$here" rev-parse HEAD 2>/dev/null || echo unknown)
image=$folder/castslice.oci.tar
store=$(cd "$folder" && pwd)/store

trap 'rm -rf "$store"' EXIT
trap 'exit 2' INT TERM

in_store() { BUILDAH_ISOLATION=chroot buildah --root "$store/root" --runroot "$store/run" --storage-driver vfs "$@"; }

rm -rf "$store" "$image"
# every time in it is the commit's: the same files give the same bytes
in_store build --quiet --pull=never --timestamp "$created" --omit-history --identity-label=false \
    --build-context "files=$folder" --build-arg "VERSION=$version" --build-arg "REVISION=$revision" \
    --tag castslice --file "$here/Containerfile" "$here" >/dev/null
in_store push --quiet --compression-format gzip --compression-level 9 --digestfile "$store/digest" \
    castslice "oci:$store/layout:castslice:$version"
tar --create --file "$image" --directory "$store/layout" --sort=name --mtime="@$created" --owner=0 --group=0 \
    --numeric-owner --mode=u=rwX,go=rX blobs index.json oci-layout
echo "  IMAGE $image  $(cat "$store/digest")"
echo "        $(stat -c %s "$image") bytes compressed, $(du -sb --apparent-size "$folder/files" | cut -f 1) unpacked"
