"""A real Dovecot with its own settings in a folder of its own, on ports of this machine."""

import base64
import contextlib
import grp
import hashlib
import hmac
import itertools
import json
import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Self

from tests.channels.imap.certificate import self_signed

#: What QQ and NetEase give to programs in place of a password.
PASSWORD = "authorisation-code"
#: A mailbox with a password that has to be quoted or encoded.
AWKWARD = "awkward@pay.example"
AWKWARD_PASSWORD = 'pa"ss\\word 密码'
JWT_KEY = b"a key that only this test knows."

SETTINGS = """
base_dir = {root}/run
state_dir = {root}/state
log_path = {root}/dovecot.log
instance_name = gateway-test
protocols = imap
listen = 127.0.0.1
default_internal_user = {internal}
default_login_user = {login}
default_internal_group = {group}
first_valid_uid = 1
auth_failure_delay = 0
auth_mechanisms = plain xoauth2
disable_plaintext_auth = no
ssl = yes
ssl_cert = <{root}/cert.pem
ssl_key = <{root}/key.pem
ssl_dh =
mail_location = maildir:{root}/mail/%u
mailbox_idle_check_interval = 1 s
maildir_stat_dirs = yes
namespace inbox {{
  inbox = yes
  separator = /
}}
passdb {{
  driver = passwd-file
  args = scheme=PLAIN username_format=%u {root}/users
}}
passdb {{
  driver = static
  mechanisms = plain
  args = password={password}
}}
passdb {{
  driver = oauth2
  mechanisms = xoauth2
  args = {root}/oauth2.conf
}}
userdb {{
  driver = static
  args = uid={owner} gid={owner_group} home={root}/home/%u
}}
service imap-login {{
  chroot =
  inet_listener imap {{
    port = {port}
  }}
  inet_listener imaps {{
    port = {tls_port}
    ssl = yes
  }}
}}
service anvil {{
  chroot =
  # Without this a failed login makes every later one from this machine wait.
  unix_listener anvil-auth-penalty {{
    mode = 0
  }}
}}
service stats {{
  chroot =
}}
"""

OAUTH2 = """
introspection_mode = local
local_validation_key_dict = fs:posix:prefix={root}/keys/
username_attribute = sub
"""


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


class Dovecot:
    """One server, and the mailbox of the moment. Mails are delivered as an MTA does: a file moved
    into `new`."""

    def __init__(self, program: str) -> None:
        self.program = program
        self.root = Path(tempfile.mkdtemp(prefix="gw-imap-"))
        self.port, self.tls_port = free_port(), free_port()
        self.process: subprocess.Popen[bytes] | None = None
        self.user = ""
        self._names = itertools.count(1)

    @property
    def certificate(self) -> Path:
        return self.root / "cert.pem"

    def start(self) -> Self:
        """Returns when it answers."""
        self._furnish()
        self.process = subprocess.Popen([self.program, "-F", "-c", self.root / "dovecot.conf"])
        self._wait_until_it_answers()
        return self

    def stop(self) -> None:
        """End it and remove its folder."""
        if self.process is not None:
            self.process.terminate()
            try:
                self.process.wait(5)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        shutil.rmtree(self.root, ignore_errors=True)

    def _furnish(self) -> None:
        root = self.root
        if os.geteuid() == 0:
            users = {"internal": "dovecot", "login": "dovenull", "group": "dovecot"}
            self._owner = pwd.getpwnam("nobody")
        else:
            self._owner = pwd.getpwuid(os.geteuid())
            users = dict.fromkeys(("internal", "login"), self._owner.pw_name)
            users["group"] = grp.getgrgid(self._owner.pw_gid).gr_name
        root.chmod(0o755)
        for name in ("run", "state", "mail", "home", "keys/default/HS256"):
            (root / name).mkdir(parents=True)
        key, cert = self_signed()
        (root / "key.pem").write_bytes(key)
        (root / "cert.pem").write_bytes(cert)
        (root / "users").write_text(f"{AWKWARD}:{{PLAIN}}{AWKWARD_PASSWORD}\n")
        (root / "keys/default/HS256/default").write_text(base64.b64encode(JWT_KEY).decode())
        (root / "oauth2.conf").write_text(OAUTH2.format(root=root))
        values = users | {
            "password": PASSWORD,
            "owner": self._owner.pw_uid,
            "owner_group": self._owner.pw_gid,
        }
        text = SETTINGS.format(root=root, port=self.port, tls_port=self.tls_port, **values)
        (root / "dovecot.conf").write_text(text)
        self._own(root / "mail")
        self._own(root / "home")

    def furnish_mailbox(self, user: str) -> None:
        """From now on everything is about this one, which is empty."""
        self.user = user
        for part in ("cur", "new", "tmp"):
            self._own_new(self.inbox / part)

    @property
    def inbox(self) -> Path:
        return self.root / "mail" / self.user

    def _own_new(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._own(folder.parent)
        self._own(folder)

    def _own(self, path: Path) -> None:
        os.chown(path, self._owner.pw_uid, self._owner.pw_gid)

    def _wait_until_it_answers(self) -> None:
        until = time.monotonic() + 20
        while True:
            assert self.process is not None
            assert self.process.poll() is None, self.log()
            with (
                contextlib.suppress(OSError),
                socket.create_connection(("127.0.0.1", self.port), 1) as line,
            ):
                line.settimeout(5)
                if line.recv(100).startswith(b"* OK"):
                    return
            assert time.monotonic() < until, self.log()
            time.sleep(0.02)

    def log(self) -> str:
        path = self.root / "dovecot.log"
        return path.read_text() if path.exists() else ""

    # ------------------------------------------------------------ mails

    def deliver(self, data: bytes, folder: str = "", *, at: float | None = None) -> None:
        """Put a mail where it is found; `folder`: as a Maildir names it, such as `.Archive`."""
        home = self.inbox / folder
        for part in ("cur", "new", "tmp"):
            if not (home / part).is_dir():
                self._own_new(home / part)
        name = f"{time.time():.6f}.M{next(self._names)}.test"
        path = home / "tmp" / name
        path.write_bytes(data)
        self._own(path)
        if at is not None:
            os.utime(path, (at, at))
        path.rename(home / "new" / name)

    def flags(self) -> dict[str, str]:
        """File name → Maildir flags of the mails in the inbox; S is \\Seen."""
        # In this order: the server moves them from the first into the second.
        files = [*(self.inbox / "new").iterdir(), *(self.inbox / "cur").iterdir()]
        return {f.name.partition(":")[0]: f.name.partition(":2,")[2] for f in files}

    def renumber(self) -> None:
        """Have the server forget its UIDs, as after a restore from a backup."""
        for path in self.inbox.glob("dovecot*"):
            # This one keeps it from giving the same UIDVALIDITY twice within a second.
            if not path.name.startswith("dovecot-uidvalidity"):
                path.unlink()

    def token(self, *, lifetime: int = 600) -> str:
        """A signed token as an identity provider makes it (RFC 7519)."""
        now = int(time.time())
        claims = {"sub": self.user, "iat": now - 5, "exp": now + lifetime}
        parts = [
            _base64url(json.dumps(part).encode())
            for part in ({"alg": "HS256", "typ": "JWT"}, claims)
        ]
        signed = ".".join(parts).encode()
        return f"{signed.decode()}.{_base64url(hmac.digest(JWT_KEY, signed, hashlib.sha256))}"


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def start(needs_tool: Callable[[str], str]) -> Dovecot:
    """A server, where there is one to be had."""
    # Debian puts daemons where an ordinary user's PATH does not lead.
    with_sbin = os.environ.get("PATH", "") + os.pathsep + "/usr/sbin"
    return Dovecot(shutil.which("dovecot", path=with_sbin) or needs_tool("dovecot")).start()
