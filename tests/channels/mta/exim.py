"""A real Exim with its own settings in a folder of its own, which hands mail on by LMTP."""

import contextlib
import os
import pwd
import shutil
import smtplib
import socket
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Self

SETTINGS = """
primary_hostname = mta.test
spool_directory = {root}/spool
log_file_path = {root}/log/%slog
pid_file_path = {root}/exim.pid
local_interfaces = 127.0.0.1
daemon_smtp_ports = {port}
deliver_drop_privilege = true
never_users =
tls_advertise_hosts =
host_lookup =
rfc1413_hosts =
keep_environment =
smtp_accept_max = 20
acl_smtp_rcpt = anybody
acl_smtp_data = anybody
message_size_limit = 50M

begin acl
anybody:
  accept

begin routers
gateway:
  driver = manualroute
  domains = pay.example
  route_list = * 127.0.0.1
  self = send
  transport = gateway_lmtp

begin transports
gateway_lmtp:
  driver = smtp
  protocol = lmtp
  port = {lmtp_port}
  hosts = 127.0.0.1
  hosts_override
  allow_localhost
  return_path_add
  envelope_to_add

begin retry
* * F,2h,1s
"""


class Exim:
    """One MTA. Its queue is run when a test says so.

    Args:
        program: the daemon's path.
        lmtp_port: where it hands mail on.
    """

    def __init__(self, program: str, lmtp_port: int) -> None:
        self.program = program
        self.root = Path(tempfile.mkdtemp(prefix="gw-exim-"))
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = int(free.getsockname()[1])
        self.process: subprocess.Popen[bytes] | None = None
        self._settings = self.root / "exim.conf"
        self._lmtp_port = lmtp_port

    def __enter__(self) -> Self:
        self.root.chmod(0o755)
        owner = pwd.getpwnam("Debian-exim")
        for name in ("spool", "log"):
            (self.root / name).mkdir()
            os.chown(self.root / name, owner.pw_uid, owner.pw_gid)
        self._settings.write_text(
            SETTINGS.format(root=self.root, port=self.port, lmtp_port=self._lmtp_port)
        )
        self._settings.chmod(0o644)
        self.process = subprocess.Popen([self.program, "-C", self._settings, "-bdf"])
        until = time.monotonic() + 20
        while True:
            assert self.process.poll() is None, self.log()
            with contextlib.suppress(OSError):
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                return self
            assert time.monotonic() < until, self.log()
            time.sleep(0.02)

    def __exit__(self, *_: object) -> None:
        if self.process is not None:
            self.process.terminate()
            self.process.wait(10)
        shutil.rmtree(self.root, ignore_errors=True)

    def take(self, data: bytes, *, sender: str, recipient: str) -> None:
        """A customer's server delivers a mail."""
        with smtplib.SMTP("127.0.0.1", self.port, "mail.example", timeout=20) as client:
            client.sendmail(sender, [recipient], data)

    def queued(self) -> int:
        """Mails it still has."""
        return int(self._run("-bpc"))

    def run_queue(self) -> None:
        """Try every mail again, now; returns when all have been tried."""
        self._run("-qff")

    def log(self) -> str:
        path = self.root / "log" / "mainlog"
        return path.read_text() if path.exists() else ""

    def _run(self, option: str) -> str:
        done = subprocess.run(
            [self.program, "-C", self._settings, option],
            capture_output=True,
            timeout=30,
            check=True,
        )
        return done.stdout.decode()
