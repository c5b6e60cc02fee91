"""A gateway that has taken in a thousand planted secrets, and all it has written."""

import json
import re
import smtplib
import sqlite3
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.cli.processes import Serving, end, until
from tests.crash.settings import MAIL_ADDRESS, Outside, free_port, write_config
from tests.scan import carriers
from tests.scan.carriers import Letter
from tests.scan.planted import Maker, phrasings

#: Of each kind.
PLANTED = 200
SEED = 20261122


@dataclass(slots=True)
class Scanned:
    """What went in, and what was written."""

    home: Path
    letters: list[tuple[str, Letter]] = field(default_factory=list)
    """(account, letter)."""
    quarantined: list[str] = field(default_factory=list)
    logs: str = ""
    metrics: str = ""
    answers: list[str] = field(default_factory=list)
    """What the callers were told."""

    @property
    def data(self) -> Path:
        return self.home / "data"

    @property
    def database(self) -> Path:
        return self.data / "gateway.sqlite"

    def of(self, *kinds: str, sealed: bool = False) -> list[tuple[str, Letter]]:
        """The letters with a secret of these kinds; by choice in a file that cannot be redacted."""
        return [
            (account, letter)
            for account, letter in self.letters
            if letter.kind in kinds and (letter.place in carriers.SEALED_FILES) == sealed
        ]


@pytest.fixture(scope="session")
def scanned(tmp_path_factory: pytest.TempPathFactory) -> Scanned:
    """The whole pipeline once: three channels, all files, debug logging."""
    run = Scanned(tmp_path_factory.mktemp("scan"))
    port = free_port()
    closed = "http://127.0.0.1:1"  # nothing gets out: the outbox stays full, and is looked at
    file = write_config(run.home, Outside(1, closed, closed), web_port=port, processes=2)
    settings = file.read_text("utf-8").replace('level = "info"', 'level = "debug"')
    file.write_text(settings, "utf-8")
    run.letters = letters()
    server = Serving(["--config", file], run.home)
    try:
        server.ready()
        deliver(run, server)
        until(lambda: _settled(run.database), 180)
        with urllib.request.urlopen(f"{server.addresses['web']}/metrics", timeout=10) as answer:
            run.metrics = answer.read().decode()
        server.stop()
    finally:
        end(server)
    run.logs = "".join(server.errors) + "\n".join(server.said)
    return run


def _settled(database: Path) -> bool:
    connection = sqlite3.connect(f"file:{database}?mode=ro", uri=True)
    try:
        pending = connection.execute("SELECT COUNT(*) FROM raw_events WHERE state = 'pending'")
        return pending.fetchone()[0] == 0
    finally:
        connection.close()


# ---------------------------------------------------------------- what is planted


def letters() -> list[tuple[str, Letter]]:
    """Each secret in a message of its own, spread over channels and places."""
    maker, planted = Maker(SEED), []
    for number in range(PLANTED):
        planted.append(_numbered(len(planted), "card", maker.card(), number))
        planted.append(_numbered(len(planted), "id_card", maker.id_card(), number))
    forms = phrasings()
    for kind in ("code", "password", "cvv"):
        own = [phrase for of, _, phrase in forms if of == kind]
        for number in range(PLANTED):
            planted.append(_phrased(maker, len(planted), kind, own[number % len(own)], number))
    return planted


def _numbered(number: int, kind: str, secret: str, nth: int) -> tuple[str, Letter]:
    """A number that its digits give away: in every place, written in every way."""
    written = carriers.WRITTEN[nth % len(carriers.WRITTEN)](secret)
    said = ("卡号 {}，谢谢", "my card is {} please", "{}", "请看：{}。")[nth % 4]
    if kind == "id_card":
        said = said.replace("卡号", "身份证").replace("card", "ID")
    text, letter = said.format(written), Letter(number, kind, secret)
    places = (
        "text",
        "subject",
        "html",
        "name",
        *carriers.TEXT_FILES,
        *carriers.SEALED_FILES,
        "png",
    )
    letter.place = places[nth % len(places)]
    # A heading, a file name and a cell have one line; an encoding may not have every sign.
    line = said.format(carriers.WRITTEN[nth % 3](secret))
    if letter.place == "subject":
        letter.subject = line
    elif letter.place == "html":
        letter.html = f"<html><body><p>{text.replace(' ', '</b>&nbsp;<b>')}</p></body></html>"
    elif letter.place in ("name", "png"):
        letter.files = [carriers.File(f"{line}.png", "image/png", carriers.PNG)]
    elif make := (carriers.TEXT_FILES | carriers.SEALED_FILES).get(letter.place):
        letter.files = [make(line)]
    else:
        letter.text = text
        return ("mail", "app", "sms")[nth % 3], letter
    return ("mail" if letter.place == "html" or nth % 2 else "app"), letter


def _phrased(maker: Maker, number: int, kind: str, phrase: str, nth: int) -> tuple[str, Letter]:
    """A secret that only its words give away, in the customer's own text or a file of text."""
    secret: str = getattr(maker, kind)()
    text, letter = phrase.replace("{s}", secret), Letter(number, kind, secret)
    account = ("mail", "app", "sms")[nth % 3]
    if account != "sms" and nth % 5 == 0:
        letter.place = "txt"
        letter.files = [carriers.TEXT_FILES["txt"](text)]
    elif account == "mail" and nth % 7 == 0:
        letter.place, letter.html = "html", f"<div>{text.replace(chr(10), '<br>')}</div>"
    else:
        letter.text = text
    return account, letter


# ---------------------------------------------------------------- delivering


def deliver(run: Scanned, server: Serving) -> None:
    web = server.addresses["web"]
    host, _, port = server.addresses["mail"].rpartition("://")[2].rpartition(":")
    with smtplib.SMTP(host, int(port), timeout=30) as smtp:
        for account, letter in run.letters:
            if account == "mail":
                smtp.sendmail(letter.sender("mail"), [MAIL_ADDRESS], carriers.mail(letter))
    documents = [carriers.app(letter) for account, letter in run.letters if account == "app"]
    for at in range(0, len(documents), 20):
        body = json.dumps({"messages": documents[at : at + 20]}).encode()
        _post(run, f"{web}/in/http/app", body, carriers.app_headers(body), 200)
    for account, letter in run.letters:
        if account == "sms":
            body, headers = carriers.sms(letter, f"{web}/in/sms/sms")
            _post(run, f"{web}/in/sms/sms", body, headers, 200)
    _unreadable(run, web)


def _unreadable(run: Scanned, web: str) -> None:
    """Genuine calls that cannot be read: into quarantine, and only their digits are known."""
    maker = Maker(SEED + 1)
    for number in range(20):
        secret = maker.card() if number % 2 else maker.id_card()
        run.quarantined.append(secret)
        body = f'{{"messages": [{{"id": "q{number}", "text": "卡 {secret}", "at": "{secret}"'
        # Half of them are JSON and wrong in a field, which the error names.
        body += ', "sender": "u"}]}' if number % 4 < 2 else ""
        data = body.encode()
        _post(run, f"{web}/in/http/app", data, carriers.app_headers(data), 400)


def _post(run: Scanned, url: str, body: bytes, headers: dict[str, str], status: int) -> None:
    request = urllib.request.Request(url, data=body, headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            got, said = answer.status, answer.read().decode()
    except urllib.error.HTTPError as refused:
        with refused:
            got, said = refused.code, refused.read().decode()
    run.answers.append(said)
    assert got == status, said


def log_lines(logs: str, word: str) -> list[str]:
    return re.findall(rf"(?m)^.*{word}.*$", logs)
