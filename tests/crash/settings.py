"""The settings of a gateway under test: three accounts, simulators behind them, everything quick."""

import random
import socket
from dataclasses import dataclass
from pathlib import Path

from tests.answers.small import small_base

MAIL_ADDRESS = "support@pay.example"
SMS_ACCOUNT_SID = "AC00000000000000000000000000000001"
SMS_TOKEN = "sim-auth-token"
SMS_NUMBER = "+14155550100"
HTTP_SECRET = "sim-webhook-secret"
CALLBACK_SECRET = "sim-callback-secret"

#: A gateway that is started a hundred times learns these topics only: a third of the time.
_TOPICS = ("password_reset", "bind_card", "talk_to_human", "thanks")

_CONFIG = """\
data_dir = "data"
database = "{database}"
templates = "templates"

[server]
port = {web_port}
public_url = "http://127.0.0.1:{web_port}"
allow_private = true

[brands.pay]
name = "Pay"

[brands.pay.facts]
hotline = "400-000-0000"

[workers]
processes = {processes}
poll_seconds = {poll}

[limits]
waiting_units = {waiting_units}

[answers]
bootstrap = false
engine = "lexical"
automatic_replies_per_day = 1000000
close_after_hours = {close_after_hours}

[log]
level = "info"
json = true

[accounts.mail]
kind = "email"
address = "{mail_address}"
listen = "127.0.0.1:0"
smtp_host = "127.0.0.1"
smtp_port = {smtp_port}
smtp_timeout = {patience}

[accounts.sms]
kind = "sms"
account_sid = "{account_sid}"
auth_token = "{token}"
from_number = "{number}"
base_url = "{sms_url}"

[accounts.app]
kind = "http"
secret = "{secret}"
callback_url = "{http_url}/callback"
callback_secret = "{callback_secret}"
"""


@dataclass(frozen=True, slots=True)
class Outside:
    """Where the simulators listen."""

    smtp_port: int
    sms_url: str
    http_url: str


def write_config(
    folder: Path,
    outside: Outside,
    *,
    web_port: int,
    close_after: float = 3.0,
    processes: int = 2,
    waiting_units: int = 4096,
    database: str = "sqlite:gateway.sqlite",
    patience: float = 5.0,
    poll: float = 0.1,
) -> Path:
    """Write `gateway.toml` into `folder`; its data goes to `folder/data`.

    Args:
        folder: must exist.
        outside: the simulators.
        web_port: a fixed one, since the gateway comes back under the same address.
        close_after: seconds of silence until the timer closes what was answered.
        processes: worker processes.
        waiting_units: units of work that may wait for the disk.
        database: the setting of that name.
        patience: seconds a mail server may take to answer.
        poll: seconds between two looks for work that nothing announced.
    """
    small_base(folder / "templates", _TOPICS)
    file = folder / "gateway.toml"
    text = _CONFIG.format(
        web_port=web_port,
        processes=processes,
        waiting_units=waiting_units,
        database=database,
        patience=patience,
        poll=poll,
        close_after_hours=f"{close_after / 3600:.9f}",
        mail_address=MAIL_ADDRESS,
        smtp_port=outside.smtp_port,
        account_sid=SMS_ACCOUNT_SID,
        token=SMS_TOKEN,
        number=SMS_NUMBER,
        sms_url=outside.sms_url,
        secret=HTTP_SECRET,
        http_url=outside.http_url,
        callback_secret=CALLBACK_SECRET,
    )
    file.write_text(text, encoding="utf-8")
    return file


def free_port() -> int:
    """A port that stays free between two lives of a gateway: below those that the kernel hands out
    to outgoing connections (32768 and up, by default)."""
    for _ in range(200):
        port = random.randint(15000, 32000)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise RuntimeError("no free port below 32000")
