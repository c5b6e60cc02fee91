"""Nothing a running gateway writes holds a card, an ID card, and hardly a code, password or CVV."""

import base64
import json
import sqlite3
from collections import Counter
from contextlib import closing

import pytest

from gateway.config import load
from gateway.domain.channel import Inbound, RawMail
from gateway.intake import reading
from gateway.intake.redact import Redacted, redact
from gateway.keys import Keys
from gateway.office import desk_only
from gateway.store.sqlite import SqliteStore
from tests.scan import carriers
from tests.scan.conftest import PLANTED, SEED, log_lines
from tests.scan.planted import CHECKSUM, Maker, lookalikes, phrasings
from tests.scan.search import cells, files_under, found, holds

pytestmark = pytest.mark.timeout(400)

#: The issue's figures.
BY_CONTEXT, UNHARMED = 0.98, 0.99


def test_enough_was_planted_and_all_of_it_was_taken_in(scanned):
    kinds = Counter(letter.kind for _, letter in scanned.letters)
    assert len(kinds) == 5
    assert min(kinds.values()) >= PLANTED >= 200
    assert len({letter.secret for _, letter in scanned.letters}) == len(scanned.letters)
    with closing(sqlite3.connect(scanned.database)) as connection:
        taken = dict(connection.execute("SELECT state, COUNT(*) FROM raw_events GROUP BY state"))
        kept = connection.execute("SELECT COUNT(*) FROM quarantine").fetchone()[0]
        waiting = connection.execute("SELECT COUNT(*) FROM outbox").fetchone()[0]
    assert taken == {"done": len(scanned.letters)}
    assert kept == len(scanned.quarantined)
    assert waiting > 100
    assert log_lines(scanned.logs, "debug")


def test_no_number_with_a_check_digit_is_in_anything_that_was_written(scanned):
    secrets = [letter.secret for _, letter in scanned.letters if letter.kind in CHECKSUM]
    secrets += scanned.quarantined
    written = [*files_under(scanned.data), scanned.logs.encode(), scanned.metrics.encode()]
    written += [answer.encode() for answer in scanned.answers]
    assert found(secrets, written) == set()
    tables = {}
    for table, value in cells(scanned.database):
        tables.setdefault(table, []).append(value)
    leaks = {table: hits for table, values in tables.items() if (hits := found(secrets, values))}
    assert leaks == {}


def test_secrets_known_by_their_words_are_redacted(scanned):
    planted = scanned.of("code", "password", "cvv")
    missed = Counter(
        letter.kind for account, letter in planted if _is_stored(scanned, account, letter)
    )
    print(f"by context: {len(planted)} planted, {dict(missed)} missed")
    assert sum(missed.values()) <= (1 - BY_CONTEXT) * len(planted)


def test_no_password_is_in_the_logs_and_metrics(scanned):
    passwords = [letter.secret for _, letter in scanned.of("password")]
    assert found(passwords, [scanned.logs.encode(), scanned.metrics.encode()]) == set()


def _is_stored(scanned, account, letter) -> bool:
    """Whether it stands in anything stored of its sender: raw event, conversation, outbox, file."""
    sender = letter.sender(account)
    with closing(sqlite3.connect(scanned.database)) as connection:
        rows = connection.execute(
            "SELECT body FROM raw_events WHERE account = ?1 AND body LIKE '%\"' || ?2 || '\"%' UNION ALL "
            "SELECT m.text || char(10) || m.subject || char(10) || m.meta FROM messages m "
            "JOIN conversations c ON c.id = m.conversation_id JOIN handles h ON h.id = c.handle_id "
            "WHERE c.account = ?1 AND h.address = ?2 UNION ALL "
            "SELECT i.subject || i.dialogue FROM inquiries i JOIN conversations c "
            "ON c.id = i.conversation_id JOIN handles h ON h.id = c.handle_id "
            "WHERE c.account = ?1 AND h.address = ?2",
            (account, sender),
        ).fetchall()
    assert rows
    texts = [text for (text,) in rows]
    keys = Keys.load(scanned.data)
    for text in texts:
        if text.startswith("{") and letter.place == "txt":
            texts += [data.decode() for data in _blobs(scanned, keys, text)]
    return any(holds(letter.secret, text) for text in texts)


def _blobs(scanned, keys, body):
    for attachment in json.loads(body).get("attachments", []):
        address = attachment["blob"]
        yield keys.open((scanned.data / "blobs" / address[:2] / address[2:]).read_bytes())


def test_attached_texts_are_redacted_and_other_files_only_encrypted(scanned):
    keys, clean, sealed = Keys.load(scanned.data), [], {}
    with closing(sqlite3.connect(scanned.database)) as connection:
        bodies = [body for (body,) in connection.execute("SELECT body FROM raw_events")]
    for body in bodies:
        for attachment, data in zip(
            json.loads(body).get("attachments", []), _blobs(scanned, keys, body), strict=True
        ):
            name = attachment["name"].rpartition(".")[2]
            (sealed.setdefault(name, []) if name in carriers.SEALED_FILES else clean).append(data)
    secrets = [letter.secret for _, letter in scanned.of(*CHECKSUM)]
    assert len(clean) > 100
    assert found(secrets, clean) == set()
    # The search is able to find: with the key, and only with it, documents show what was planted.
    hidden = scanned.of(*CHECKSUM, sealed=True)
    assert len(hidden) > 80
    for name, files in sealed.items():
        there = [letter.secret for _, letter in hidden if letter.place == name]
        assert found(there, files) == set(there), name


def test_quarantine_is_closed_without_the_key_and_whole_with_it(scanned):
    keys = Keys.load(scanned.data)
    with closing(sqlite3.connect(scanned.database)) as connection:
        kept = connection.execute("SELECT blob FROM quarantine").fetchall()
    sealed = [(scanned.data / "blobs" / b[:2] / b[2:]).read_bytes() for (b,) in kept]
    assert found(scanned.quarantined, sealed) == set()
    opened = [keys.open(data) for data in sealed]
    assert found(scanned.quarantined, opened) == set(scanned.quarantined)


# ---------------------------------------------------------------- it can fail


@pytest.mark.parametrize(
    "hide",
    [
        lambda text: text.encode(),
        lambda text: text.encode("utf-16"),
        lambda text: base64.b64encode(text.encode()),
        lambda text: base64.b64encode(base64.b64encode(text.encode())),
        lambda text: "".join(f"%{byte:02X}" for byte in text.encode()).encode(),
        lambda text: "".join(f"={byte:02X}" for byte in text.encode()).encode(),
        lambda text: "".join(f"\\u{ord(char):04x}" for char in text).encode(),
        lambda text: " ".join(text).encode(),
        carriers.docx,
        carriers.xlsx,
        carriers.pdf,
        lambda text: carriers.packed({"a.docx": "x"}) + carriers.docx(text),
        lambda text: b"<i>" + "</i><i>".join(text).encode() + b"</i>",
    ],
)
def test_the_search_finds_a_number_however_it_is_hidden(hide):
    number = Maker(7).card()
    assert found([number], [b"before " + hide(number) + b" after"]) == {number}


async def test_with_the_redactor_switched_off_the_scan_finds_everything(tmp_path, monkeypatch):
    monkeypatch.setattr(reading, "redact", lambda text, *_, **__: Redacted(text))
    monkeypatch.setattr(reading, "redact_json", lambda value, *_, **__: value)
    (tmp_path / "gateway.toml").write_text('[accounts.app]\nkind = "http"\nsecret = "s"\n', "utf-8")
    config = load(None, tmp_path)
    store = SqliteStore(config.database_path)
    await store.open()
    await store.close()
    Keys.create(tmp_path)
    maker = Maker(SEED)
    secrets = [maker.card() for _ in range(20)]
    async with desk_only(config) as office:
        for number, secret in enumerate(secrets[:10]):
            event = Inbound(str(number), f"u{number}", f"卡号 {secret}")
            await office.intake.events("app", [event], "test")
        for number, secret in enumerate(secrets[10:]):
            raw = f"From: a{number}@x.example\r\nSubject: =?utf-8?q?{secret}?=\r\n\r\nhello"
            await office.intake.mail(
                "app", RawMail(raw.encode(), "a@x.example", ("b@y.example",), 0.0)
            )
    assert found(secrets, files_under(tmp_path)) == set(secrets)


# ---------------------------------------------------------------- the redactor by itself


def test_phrasings_nobody_tuned_it_on_are_redacted():
    planted = missed = 0
    for seed in range(10):
        maker = Maker(seed)
        for kind, _language, phrase in phrasings():
            secret = getattr(maker, kind)()
            planted += 1
            missed += secret in redact(phrase.replace("{s}", secret)).text
    print(f"held out: {planted} planted, {missed} missed")
    assert missed <= (1 - BY_CONTEXT) * planted


def test_there_are_enough_phrasings_in_both_languages():
    languages = Counter(language for _, language, _ in phrasings())
    assert min(languages["zh"], languages["en"]) >= 60


def test_look_alikes_are_left_alone():
    texts = lookalikes(SEED, 400)
    assert len(set(texts)) >= 200
    harmed = [text for text in texts if redact(text, alone=True).text != text]
    print(f"look-alikes: {len(texts)}, {len(harmed)} harmed")
    assert len(harmed) <= (1 - UNHARMED) * len(texts)
