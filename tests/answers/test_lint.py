"""Every rule of `gateway kb check` finds what it is for, names the place, and leaves a clean
knowledge base alone."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from gateway.answers import lint
from gateway.answers.engine import TrainingError
from gateway.answers.faults import KnowledgeError
from gateway.answers.lint_examples import OVERLAP_LEAST, PAIRS, examples, overlaps
from gateway.answers.lint_reading import EXAMPLE_BRAND, Finding, Severity, Unreadable
from gateway.answers.stated import figures
from gateway.answers.unsafe import unsafe
from gateway.answers.unseen import Unseen, unseen
from gateway.config import templates_dir
from gateway.domain.model import Brand
from gateway.domain.segments import strange
from tests.answers.brands import FULL
from tests.answers.small import small_base

BRANDS = {"full": FULL}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return small_base(tmp_path / "templates")


def found(folder: Path, brands=None, settings=("gateway.toml", "")) -> list[Finding]:
    return lint.check(lint.open_material(folder, BRANDS if brands is None else brands, settings))


def write(folder: Path, name: str, text: str) -> None:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, "utf-8")


def append(folder: Path, name: str, text: str) -> None:
    write(folder, name, (folder / name).read_text("utf-8").rstrip("\n") + f"\n{text}\n")


def change(folder: Path, name: str, old: str, new: str) -> None:
    text = (folder / name).read_text("utf-8")
    assert old in text
    write(folder, name, text.replace(old, new, 1))


def test_a_clean_knowledge_base_has_no_findings(folder):
    assert found(folder) == []


def test_the_shipped_knowledge_base_is_clean():
    assert lint.check(lint.open_material(templates_dir(), BRANDS, ("gateway.toml", ""))) == []


LONG_EN = "topics/bind_card/long.en.md.j2"
SHORT_EN = "topics/bind_card/short.en.md.j2"
SHORT_ZH = "topics/bind_card/short.zh-CN.md.j2"
VOICE_EN = "topics/bind_card/voice.en.md.j2"
VOICE_ZH = "topics/bind_card/voice.zh-CN.md.j2"
EXAMPLES = "topics/bind_card/examples.en.txt"
TOML = "topics/bind_card/topic.toml"

Break = Callable[[Path], None]


def removed(name: str) -> Break:
    return lambda folder: (folder / name).unlink()


def says(name: str, line: str) -> Break:
    """The template says one more line."""
    return lambda folder: append(folder, name, line)


def secret_slot(folder: Path) -> None:
    """A topic wants something secret, under a title that does not say so."""
    change(folder, TOML, "slots = [", 'slots = ["card_number", ')
    append(folder, "slots.toml", '[card_number.title]\n"zh-CN" = "卡面"\nen = "the front"')


#: (what is done to the clean one, rule, place, part of the finding)
BROKEN = {
    "a form is missing": (removed(SHORT_EN), "missing", SHORT_EN, "is missing"),
    "a language is missing": (removed(LONG_EN), "missing", LONG_EN, "is missing"),
    "examples are missing": (removed(EXAMPLES), "missing", EXAMPLES, "is missing"),
    "a title is missing": (
        lambda f: change(f, TOML, "\nen = ", '\n"de" = '),
        "missing", TOML, "title in en is missing",
    ),
    "not UTF-8": (
        lambda f: (f / EXAMPLES).write_bytes("绑卡".encode("gb18030")),
        "file", EXAMPLES, "is not UTF-8",
    ),
    "no TOML": (lambda f: append(f, TOML, "title ="), "file", TOML, "is not valid TOML"),
    "a key is misspelt": (
        lambda f: change(f, TOML, "queue", "quue"), "file", f"{TOML}:1", "key 'quue' is not known",
    ),
    "no template": (says(LONG_EN, "{% if %}"), "file", LONG_EN, "does not parse"),
    "an unknown variable": (
        says(LONG_EN, "Dear {{ customer }}"), "variable", LONG_EN, "unknown variable 'customer'",
    ),
    "an unknown fact": (
        says(LONG_EN, "{{ brand.hotlin }}"), "variable", LONG_EN, "unknown brand fact 'hotlin'",
    ),
    "asks for a code": (
        says(LONG_EN, "Please send us the code you received."), "unsafe", LONG_EN,
        "asks for a code, password or card number",
    ),
    "asks for an ID number": (
        says(SHORT_ZH, "请回复您的身份证号码。"), "unsafe", SHORT_ZH, "asks for an ID number",
    ),
    "switches security off": (
        says(LONG_EN, "Please turn off your antivirus first."), "unsafe", LONG_EN,
        "tells to switch security off",
    ),
    "a safe account": (
        says(SHORT_ZH, "请把钱转到安全账户。"), "unsafe", SHORT_ZH, "safe account",
    ),
    "a look at the screen": (
        says(LONG_EN, "Install AnyDesk and share your screen."), "unsafe", LONG_EN,
        "lets a stranger into",
    ),
    "copied passwords": (
        says(LONG_EN, "Copy the password and paste it."), "unsafe", LONG_EN, "copy and paste",
    ),
    "a secret slot": (
        secret_slot, "unsafe", TOML, "the slot 'card_number'",
    ),
    "a number of its own": (
        says(LONG_EN, "Call 400-123-4567."), "literal", LONG_EN, "contains a number",
    ),
    "a link of its own": (
        says(LONG_EN, "See https://pay.example"), "literal", LONG_EN, "contains a link",
    ),
    "a number in Chinese digits": (
        says("topics/bind_card/long.zh-CN.md.j2", "\n请拨打热线四零零六一八零零八二。"), "literal",
        "topics/bind_card/long.zh-CN.md.j2", "is not among the brand's",
    ),
    "a long SMS": (
        says(SHORT_ZH, "请您放心，" * 20), "sms", SHORT_ZH, "takes 3 SMS",
    ),
    "an SMS in the wide alphabet": (
        says(SHORT_EN, "Tap “Add” ✓"), "sms", SHORT_EN, "because of '✓'",
    ),
    "no voice form": (removed(VOICE_EN), "voice", VOICE_EN, "is missing"),
    "a spoken list": (says(VOICE_EN, "1. Open the app"), "voice", VOICE_EN, "has a list"),
    "a spoken symbol": (says(VOICE_ZH, "点“添加”。"), "voice", VOICE_ZH, "has a symbol"),
    "a spoken link": (
        says(VOICE_EN, "{% if brand.help_url %}{{ brand.help_url }}{% endif %}"), "voice",
        VOICE_EN, "speaks the address 'help_url'",
    ),
    "too few examples": (
        lambda f: write(f, EXAMPLES, "how do I add a card\n"), "few", EXAMPLES, "has 1 examples",
    ),
    "an example twice": (
        says(EXAMPLES, "how to LINK my bank card"), "duplicate", EXAMPLES, "stands at",
    ),
    "an example under two topics": (
        says(EXAMPLES, "I forgot my password"), "duplicate",
        "topics/password_reset/examples.en.txt", f"stands at {EXAMPLES}",
    ),
    "an example that certifies": (
        lambda f: write(
            f, "calibration/questions.jsonl",
            json.dumps({"text": "how to link my bank card", "topic": "bind_card"}),
        ),
        "calibration", EXAMPLES, "is also a calibration question (line 1)",
    ),
    "a phrase that hears another topic": (
        says("topics/complaint/phrases.en.txt", "bank card"), "phrase", EXAMPLES,
        "the rule of complaint hears 'bank card'",
    ),
    "an override of no topic": (
        lambda f: write(f, "brands/full/topics/bind_cards/long.en.md.j2", "Hello"), "file",
        "brands/full/topics/bind_cards", "topic 'bind_cards' is not known",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", BROKEN)
def test_what_is_wrong_is_found_with_its_place_and_a_cure(folder, case):
    breaking, rule, place, text = BROKEN[case]
    breaking(folder)
    seen = [one for one in found(folder) if one.rule == rule and text in one.text]
    assert seen, [(one.place, one.rule, one.text) for one in found(folder)]
    assert any(one.place.startswith(place) for one in seen)
    assert all(one.cure for one in seen)


@pytest.mark.parametrize("name", [LONG_EN, EXAMPLES])
def test_the_line_is_that_of_the_mistake(folder, name):
    append(folder, name, "Please send us your password. how to link my bank card")
    append(folder, EXAMPLES, "how to link my bank card")
    last = len((folder / name).read_text("utf-8").splitlines())
    assert any(one.place == f"{name}:{last}" for one in found(folder))


def test_everything_is_listed_not_only_the_first(folder):
    for case in ("a form is missing", "an unknown fact", "too few examples", "a spoken list"):
        BROKEN[case][0](folder)
    append(folder, LONG_EN, "Call 400-123-4567 or 400-765-4321, or write to help@pay.example.")
    rules = [one.rule for one in found(folder)]
    assert {"missing", "variable", "few", "voice"} <= set(rules)
    numbers = [one.text for one in found(folder) if "contains a number" in one.text]
    assert len(numbers) >= 2


def test_what_stops_the_reading_is_a_finding_too(folder, monkeypatch):
    append(folder, LONG_EN, "{{ customer }}")

    def stops(*_):
        raise KnowledgeError(folder / "dialogue/yes.en.txt", "makes no sense; write it anew")

    monkeypatch.setattr("gateway.answers.phrases.Phrases.of", stops)
    (folder / "topics/complaint/phrases.en.txt").unlink()
    (folder / "topics/thanks/phrases.en.txt").unlink()
    with pytest.raises(Unreadable) as caught:
        found(folder)
    last = caught.value.found[-1]
    assert (last.path, last.text, last.cure) == (
        "dialogue/yes.en.txt", "makes no sense", "write it anew",
    )  # fmt: skip
    assert "unknown variable 'customer'" in caught.value.found[0].text


def test_errors_come_first(folder):
    append(folder, EXAMPLES, "how to link my bank card")
    append(folder, LONG_EN, "{{ customer }}")
    severities = [one.severity for one in found(folder)]
    assert severities == [Severity.ERROR, Severity.WARNING]


# ---------------------------------------------------------------- brands

SETTINGS = """\
[brands.one]
name = "One Wallet"
[brands.one.facts]
hotline = "400-111-2222"
hours = "9:00-21:00"
[brands.two]
name = "Two Wallet"
[brands.two.facts]
hotline = "400-333-4444"
"""


def brand(name: str, **facts) -> Brand:
    return Brand(name, f"{name.title()} Wallet", facts)


def of_brands(folder, *brands):
    return found(folder, {b.id: b for b in brands}, ("gateway.toml", SETTINGS))


@pytest.mark.parametrize(
    ("facts", "rule", "text"),
    [
        ({"hotlin": "400-111-2222"}, "fact", "is not a fact of knowledge.toml"),
        ({"withdraw_days": "soon"}, "days", "is no number of working days: 'soon'"),
        ({"withdraw_days": {"zh-CN": "三", "en": "3"}}, "days", "in zh-CN"),
        ({"complaint_days": "5-3"}, "days", "ends before it begins"),
        ({"hours": "daily"}, "hours", "names no time"),
        ({"hours": "9:00-25:00"}, "hours", "a time of day that there is not"),
        ({"hours": "21:00-9:00"}, "hours", "ends before it begins"),
        (
            {"hours": {"zh-CN": "每天 9:00–21:00", "en": "daily 9:00-18:00"}},
            "contradiction", "says '每天 9:00–21:00' in zh-CN but 'daily 9:00-18:00' in en",
        ),
        (
            {"transfer_fee": {"zh-CN": "0.1%，最低 1 元", "en": "0.2 %, at least 1 yuan"}},
            "contradiction", "transfer_fee says",
        ),
        (
            {"hotline": "400-111-2222", "chat": "致电客服热线 400-111-2223"},
            "contradiction", "names the hotline 4001112223",
        ),
        (
            {"mailbox": "help@one.example", "regulator": "write to old@one.example"},
            "contradiction", "names the address 'old@one.example'",
        ),
        (
            {"help_url": "https://one.example/help", "fees_url": "https://0ne.example/fees"},
            "link", "leads to 0ne.example",
        ),
    ],
)  # fmt: skip
def test_a_wrong_fact_of_a_brand_is_found(folder, facts, rule, text):
    seen = [one for one in of_brands(folder, brand("one", **facts)) if one.rule == rule]
    assert any(text in one.text for one in seen), seen
    assert all(one.path == "gateway.toml" for one in seen)


@pytest.mark.parametrize(
    "facts",
    [
        {"withdraw_days": "1–3", "complaint_days": 15, "hours": "24/7"},
        {"hours": {"zh-CN": "全天 24 小时", "en": "24/7"}},
        {"withdraw_limit": {"zh-CN": "单笔 5 万元", "en": "50,000 yuan at once"}},
        {"password_interval": {"zh-CN": "每三个月", "en": "every three months"}},
        {"hotline": "400-111-2222", "chat": "致电热线 4001112222"},
        {"help_url": "https://one.example", "fees_url": "https://www.one.example/fees"},
    ],
)
def test_a_right_fact_of_a_brand_is_left_alone(folder, facts):
    assert of_brands(folder, brand("one", **facts)) == []


def test_the_line_of_a_fact_is_that_of_the_settings(folder):
    (seen,) = of_brands(
        folder, brand("one", hotline="400-111-2222", hours="nine to five"), brand("two")
    )
    assert seen.place == "gateway.toml:5"


@pytest.mark.parametrize(
    ("other", "text"),
    [
        (
            brand("two", hotline="4001112222", hours="9:00-18:00"),
            "is not what brand one says, but both have the hotline 400-111-2222",
        ),
        (
            brand("two", hotline="400-333-4444", chat="call 400-111-2222"),
            "names 400-111-2222, the hotline of brand one",
        ),
        (Brand("two", "one wallet"), "are both called 'one wallet'"),
    ],
)
def test_brands_that_contradict_each_other_are_found(folder, other, text):
    one = brand("one", hotline="400-111-2222", hours="9:00-21:00")
    seen = [f for f in of_brands(folder, one, other) if f.rule == "contradiction"]
    assert any(text in f.text for f in seen), seen


def test_sms_are_counted_with_each_brands_own_facts(folder):
    hotline = "400-111-2222 or 400-111-3333 or +86 10 1234 5678 or 400-111-4444, each of them"
    change(folder, SHORT_EN, ".", ". {{ brand.hotline }} {{ brand.hotline }}.")
    assert not [f for f in of_brands(folder, brand("one", hotline="110")) if f.rule == "sms"]
    seen = [f for f in of_brands(folder, brand("one", hotline=hotline)) if f.rule == "sms"]
    assert any("for brand one takes 3 SMS" in f.text for f in seen), seen


def test_the_examples_of_the_facts_are_a_brand_too(folder):
    change(folder, "knowledge.toml", 'example = "400-000-0000"', f'example = "{"4" * 200}"')
    assert any(f"for brand {EXAMPLE_BRAND}" in f.text for f in found(folder, {}))


# ---------------------------------------------------------------- the parts


def test_what_makes_a_text_wide_is_named():
    assert strange("a – “b”") == "–“”"


@pytest.mark.parametrize(
    "line",
    [
        "We never ask you to move money to a safe account.",
        "我们不会让您把钱转到“安全账户”。",
        "Do not install remote control software.",
        "不共享屏幕，不下载对方的软件。",
        "Anyone who wants you to turn off security is a fraud.",
        "请打开两步验证。",
        "凡是让您把钱转到安全账户的，都是诈骗。",
        "Have your passport at hand.",
    ],
)
def test_a_warning_is_no_advice(line):
    assert list(unsafe(line)) == []


@pytest.mark.parametrize(
    "line",
    [
        "Move the money to the secure account we name.",
        "请先关闭手机的杀毒软件再登录。",
        "为了资金安全，请将余额转入指定账户。",
        "Simply disable two-factor and log in again.",
        "请下载向日葵远程协助软件。",
        "Please reply with your ID card number.",
        "请把身份证号码发给我们。",
        "请提供您的验证码。",
    ],
)
def test_harmful_advice_is_seen_in_both_languages(line):
    assert list(unsafe(line))


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("15:00 前", "by 3 pm", True), ("5 万元", "50,000 yuan", True), ("三个月", "three months", True),
        ("0.1%", "0.1 %", True), ("3 次", "4 times", False), ("9:00–21:00", "9:00-20:00", False),
    ],
)  # fmt: skip
def test_figures_are_the_same_in_any_language(one, other, same):
    assert (figures(one) == figures(other)) is same


# ---------------------------------------------------------------- topics that overlap


def posteriors(material, wrong: dict[int, str]) -> Unseen:
    """Every example recognised, but for some by their index."""
    _, labels = material.knowledge.training()
    names = tuple(sorted(set(labels)))
    rows = np.zeros((len(labels), len(names)), dtype=np.float32)
    for i, label in enumerate(labels):
        rows[i, names.index(wrong.get(i, label))] = 0.9
    return Unseen(names, rows, tuple(labels))


def test_topics_that_are_taken_for_each_other_are_shown_with_their_examples(folder):
    material = lint.open_material(folder, {}, ("", ""))
    mine = [i for i, one in enumerate(examples(material)) if one.topic == "bind_card"]
    taken = len(mine) // 5
    held_out = posteriors(material, dict.fromkeys(mine[:taken], "password_reset"))
    (finding,) = overlaps(material, held_out)
    first = examples(material)[mine[0]]
    assert finding.severity is Severity.WARNING
    assert f"{taken} of {len(mine)} examples" in finding.text
    assert "are taken for password_reset" in finding.text
    assert first.text in finding.text
    assert " like " in finding.text
    assert finding.place == f"{first.path}:{first.line}"
    assert held_out.accuracy < 1


def test_a_few_mistakes_are_no_overlap(folder):
    material = lint.open_material(folder, {}, ("", ""))
    wrong = dict.fromkeys(range(OVERLAP_LEAST - 1), "withdraw_not_arrived")
    assert list(overlaps(material, posteriors(material, wrong))) == []


def test_the_worst_pairs_come_first_and_the_list_is_bounded(folder, monkeypatch):
    material = lint.open_material(folder, {}, ("", ""))
    index = {t: [i for i, o in enumerate(examples(material)) if o.topic == t] for t in TOPICS}
    wrong = dict.fromkeys(index["bind_card"][:10], "password_reset")
    wrong |= dict.fromkeys(index["password_reset"][:12], "bind_card")
    seen = list(overlaps(material, posteriors(material, wrong)))
    assert [one.text.split()[0] for one in seen] == ["12", "10"]
    monkeypatch.setattr("gateway.answers.lint_examples.PAIRS", 1)
    assert len(list(overlaps(material, posteriors(material, wrong)))) == 1
    assert PAIRS == 20


TOPICS = ("bind_card", "password_reset")


def test_the_engine_tells_what_it_recognises_unseen(folder):
    found_overlaps, accuracy = lint.confusions(lint.open_material(folder, {}, ("", "")), "lexical")
    assert 0.5 < accuracy < 1
    assert all(one.rule == "overlap" for one in found_overlaps)


def test_an_engines_own_held_out_posteriors_are_used():
    class Own:
        held_out = np.array([[0.9, 0.1], [0.8, 0.2]], dtype=np.float32)

    assert unseen(Own(), ["a", "b"], ["x", "y"]).accuracy == 0.5


def test_one_topic_alone_cannot_be_asked_about():
    with pytest.raises(TrainingError, match="at least two labels"):
        unseen(object(), ["a", "b"], ["x", "x"])
