#!/bin/sh
# System programs that some tests need. Installs what is missing where that is possible (Debian, as
# root); otherwise says what to install and fails.
set -eu

# strace: the order of fsync calls before an acknowledgement.
wanted="strace"

missing=""
for tool in $wanted; do
    command -v "$tool" >/dev/null 2>&1 || missing="$missing $tool"
done
[ -n "$missing" ] || exit 0

if [ "$(id -u)" -eq 0 ] && command -v apt-get >/dev/null 2>&1; then
    echo "Installing$missing ..."
    apt-get update -qq
    # shellcheck disable=SC2086 # one word for each package
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing >/dev/null
else
    echo "Please install:$missing" >&2
    exit 1
fi
