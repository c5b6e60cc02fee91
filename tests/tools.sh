#!/bin/sh
# System programs that some tests need. Installs what is missing where that is possible (Debian, as
# root); otherwise says what to install and fails.
set -eu

# Daemons lie where an ordinary user's PATH does not lead.
PATH="$PATH:/usr/sbin"

# program:package
# strace: the order of fsync calls before an acknowledgement.
# dovecot: the server that mail is read from by IMAP.
# exim4: the mail server in front of our LMTP listener.
wanted="strace:strace dovecot:dovecot-imapd exim4:exim4-daemon-light"

missing=""
for one in $wanted; do
    command -v "${one%%:*}" >/dev/null 2>&1 || missing="$missing ${one#*:}"
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
