"""Every way a call can go, driven by a telephone that executes TwiML as Twilio does."""

import pytest

from channels._voice_prompts import PROMPTS
from gateway.testing.phone import HangUp, Keys, Says, Silent
from tests.channels.voice.kit import CALLER, NUMBER, Bench, nothing, said

ZH, EN = PROMPTS["zh-CN"], PROMPTS["en"]
ANSWER = "It arrives within a day. Did this solve it?"
PERSON = f"A person will take care of {NUMBER}."


def help_desk(event):
    """Answers a top-up, asks about a card, queues everything else."""
    text = event.text.casefold()
    if event.facts.get("auto"):
        return []
    if "top-up" in text or "充值" in text:
        return said(ANSWER, "answered")
    if "card" in text:
        return said("For adding a card press 1, for a lost card press 2.", "waiting_customer")
    if text in ("yes", "解决了"):
        return said("We are glad to hear it.", "resolved")
    if text in ("1", "2"):
        return said(f"Choice {text} is done.", "answered")
    return said(PERSON, "queued")


async def test_who_is_answered_and_helped_hears_goodbye():
    bench = Bench(help_desk)
    call = await bench.call(Says("my top-up is missing"), Keys("1"))
    assert call.ended_by == "hotline"
    assert bench.texts == ["my top-up is missing", "yes"]
    assert call.spoken[0] == EN["greeting"]
    assert call.spoken[-3:] == [ANSWER, "We are glad to hear it.", EN["goodbye"]]


async def test_the_messages_of_a_call_carry_who_called_and_where_it_stood():
    bench = Bench(help_desk)
    call = await bench.call(Says("my top-up is missing"), Keys("2"))
    first, second = bench.inbox.values()
    assert (first.external_id, second.external_id) == (f"{call.sid}:1", f"{call.sid}:2")
    assert first.sender == CALLER
    assert first.facts == {"language": "en", "step": "topic", "confidence": "0.91"}
    assert first.reply_to == {"call": call.sid, "to": "+14155550100"}
    assert not first.verified
    assert second.text == "no"


@pytest.mark.parametrize(
    ("act", "language"),
    [
        (Keys("1"), "zh-CN"),
        (Keys("2"), "en"),
        (Says("中文"), "zh-CN"),
        (Says("English please"), "en"),
    ],
)
async def test_the_language_is_chosen_by_key_or_word(act, language):
    bench = Bench(help_desk, {"language": ""})
    call = await bench.call(act, Keys("1"))
    assert call.spoken[:4] == [ZH["greeting"], EN["greeting"], ZH["language"], EN["language"]]
    assert PROMPTS[language]["topic"] in call.spoken
    assert bench.texts == [
        {"zh-CN": "充值没有到账", "en": "a top-up that has not arrived"}[language]
    ]
    assert next(iter(bench.inbox.values())).facts["language"] == language


@pytest.mark.parametrize(
    ("country", "language"), [("CN", "zh-CN"), ("TW", "zh-CN"), ("GB", "en"), ("US", "en")]
)
async def test_the_language_may_follow_the_number(country, language):
    call = await Bench(help_desk, {"language": "number"}).call(country=country)
    assert call.spoken[:2] == [PROMPTS[language]["greeting"], PROMPTS[language]["topic"]]


async def test_who_chooses_no_language_is_asked_twice_and_then_goes_on():
    bench = Bench(help_desk, {"language": ""})
    call = await bench.call(Silent(), Keys("9"), Keys("1"))
    assert call.spoken.count(ZH["language"]) == 2
    assert bench.texts == ["充值没有到账"]


async def test_zero_is_a_person_at_every_question():
    for acts in ([], [Says("top-up")], [Says("card")], [Silent(), Silent()]):
        bench = Bench(help_desk)
        call = await bench.call(*acts, Keys("0"))
        assert bench.texts[-1] == EN["words_person"]
        assert EN["offer"] in call.spoken
        assert EN["may_go"] in call.spoken


async def test_the_number_of_the_inquiry_is_spoken_digit_by_digit_and_again_on_star():
    bench = Bench(help_desk)
    call = await bench.call(Says("something odd"), Keys("*"), HangUp())
    digits = "2 6 0 1 3 1 0 0 4 2 1 7"
    assert f"A person will take care of {digits}." in call.spoken
    assert EN["number"].replace("{number}", digits) in call.spoken
    assert NUMBER not in call.heard


async def test_a_number_that_the_notice_does_not_say_is_said():
    call = await Bench(lambda _: said("A person takes over.", "queued")).call(Says("odd"))
    assert "Your number is: 2 6 0 1 3 1 0 0 4 2 1 7." in call.spoken


async def test_star_repeats_the_answer_without_a_message():
    bench = Bench(help_desk)
    call = await bench.call(Says("top-up"), Keys("*"), Keys("1"))
    assert call.spoken.count(ANSWER) == 2
    assert bench.texts == ["top-up", "yes"]


async def test_a_question_of_the_gateways_is_answered_by_key_or_word():
    bench = Bench(help_desk)
    call = await bench.call(Says("my card"), Keys("2"), Keys("1"))
    assert bench.texts == ["my card", "2", "yes"]
    assert "Choice 2 is done." in call.spoken
    bench = Bench(help_desk)
    await bench.call(Says("my card"), Says("the top-up by card"))
    assert bench.texts == ["my card", "the top-up by card"]


@pytest.mark.parametrize("miss", [Silent(), Keys("8")])
@pytest.mark.parametrize("before", [[], [Says("top-up")], [Says("card")]])
async def test_two_misses_come_to_callback_or_message(before, miss):
    if before == [Says("card")] and miss == Keys("8"):
        miss = Keys("#")  # eight would be one of the gateway's choices
    call = await Bench(help_desk).call(*before, miss, miss, HangUp())
    assert call.spoken.count(EN["again"]) == 1
    assert call.spoken[-1].startswith("To be called back")


async def test_silence_to_the_end_is_noted_for_a_person():
    bench = Bench(help_desk)
    call = await bench.call(*[Silent()] * 5)
    assert call.ended_by == "hotline"
    assert call.spoken[-2:] == [EN["kept"], EN["goodbye"]]
    (note,) = bench.inbox.values()
    assert (note.text, note.facts["auto"]) == (EN["note_silent"], True)


async def test_a_callback_on_the_callers_own_number():
    bench = Bench(help_desk)
    call = await bench.call(Keys("0"), Keys("1"))
    assert bench.texts == [EN["words_person"], EN["words_callback"]]
    assert call.ended_by == "hotline"
    assert call.spoken[-1] == EN["goodbye"]


async def test_a_callback_is_noted_also_where_no_decision_comes_in_time():
    decide = {EN["words_person"]: said(PERSON, "queued")}
    bench = Bench(lambda event: decide.get(event.text, []))
    call = await bench.call(Keys("0"), Says("please call me back"))
    assert call.spoken[-2:] == [EN["called_back"], EN["goodbye"]]


async def test_a_callback_on_another_number_is_noted_before_it_is_keyed_in():
    bench = Bench(help_desk)
    await bench.call(Silent(), Silent(), Keys("2"), HangUp())
    (note,) = bench.inbox.values()
    assert (note.text, note.facts["auto"]) == (EN["words_callback"], True)
    bench = Bench(help_desk)
    await bench.call(Keys("0"), Keys("2"), Keys("13900139000#"))
    assert bench.texts[-1] == "Please call me back, call me on +8613900139000"


@pytest.mark.parametrize(
    ("keyed", "number"),
    [
        ("00442079460958", "+442079460958"),
        ("02079460958", "+442079460958"),
        ("*14155550123", "+14155550123"),
        ("12345", ""),
    ],
)
async def test_numbers_are_keyed_in_as_people_dial_them(keyed, number):
    bench = Bench(help_desk)
    call = await bench.call(Keys("0"), Keys("2"), Keys(keyed), country="GB")
    assert bench.texts[-1].endswith(number or EN["words_person"])
    assert (EN["bad_number"] in call.spoken) == (not number)


async def test_a_number_that_is_wrong_twice_comes_to_a_voice_message():
    bench = Bench(help_desk)
    call = await bench.call(Keys("0"), Keys("2"), Keys("12"), Silent(), Says("call my office"))
    assert call.spoken.count(EN["bad_number"]) == 2
    assert call.spoken[-2:] == [EN["recorded"], EN["goodbye"]]
    assert bench.texts[-1] == "(voice message of 7 seconds)"


async def test_a_voice_message_is_one_message_with_its_sound():
    bench = Bench(help_desk)
    call = await bench.call(Keys("0"), Keys("3"), Says("please help", seconds=300))
    message = list(bench.inbox.values())[-1]
    (sound,) = message.attachments
    assert [sound.url] == call.recordings
    assert (sound.name, sound.content_type) == ("message.wav", "audio/x-wav")
    assert message.text == "(voice message of 110 seconds)"
    assert message.facts["auto"] is True
    assert bench.repeated == 2  # the news of the file, and of the end


async def test_who_hangs_up_while_recording_has_left_a_message():
    bench = Bench(help_desk)
    call = await bench.call(Silent(), Silent(), Keys("3"), Says("help", gone=True))
    assert call.ended_by == "caller"
    assert bench.texts == ["(voice message of 7 seconds)"]


async def test_who_hangs_up_at_the_tone_is_noted():
    bench = Bench(help_desk)
    await bench.call(Silent(), Silent(), Keys("3"), HangUp())
    assert bench.texts == [EN["note_silent"]]


async def test_who_hangs_up_without_a_word_is_noted_once_and_only_then():
    bench = Bench(help_desk)
    await bench.call(HangUp())
    assert bench.texts == [EN["note_missed"]]
    bench = Bench(help_desk)
    await bench.call(Says("top-up"), HangUp())
    assert bench.texts == ["top-up"]
    assert bench.repeated == 1


async def test_a_withheld_number_gets_no_callback_unless_one_is_keyed_in():
    bench = Bench(help_desk)
    call = await bench.call(Keys("0"), Keys("1"), Keys("13900139000"), number="+266696687")
    assert EN["offer_withheld"] in call.spoken
    assert EN["offer"] not in call.spoken
    assert {event.sender for event in bench.inbox.values()} == {f"withheld:{call.sid}"}
    assert bench.texts[-1] == "Please call me back, call me on +8613900139000"
    other = await bench.call(Says("top-up"), number="anonymous")
    assert bench.inbox[f"{other.sid}:1"].sender == f"withheld:{other.sid}"


async def test_an_answer_that_takes_longer_is_waited_for():
    slow = iter([[], [], said(ANSWER, "answered")])
    answers = {}

    def decide(event):
        found = next(slow, None)
        answers[event.text] = answers.get(event.text, []) if found is None else found
        return answers[event.text]

    bench = Bench(decide)
    call = await bench.call(Says("top-up"), HangUp())
    assert call.spoken[-3:] == [EN["moment"], EN["still"], ANSWER]
    assert bench.texts == ["top-up"]


async def test_an_answer_that_does_not_come_ends_with_a_person():
    bench = Bench(nothing)
    call = await bench.call(Says("top-up"), HangUp())
    assert call.spoken.count(EN["moment"]) == call.spoken.count(EN["still"]) == 1
    assert EN["passed"] in call.spoken
    assert EN["may_go"] in call.spoken
    assert bench.texts == ["top-up", EN["words_person"]]
    assert list(bench.inbox.values())[-1].facts["auto"] is True


async def test_more_words_at_the_offer_are_kept():
    bench = Bench(help_desk)
    call = await bench.call(Keys("0"), Says("and my name is Wang"), HangUp())
    assert bench.texts[-1] == "and my name is Wang"
    assert call.spoken.count(EN["offer"]) == 2
    bench = Bench(help_desk)
    call = await bench.call(Silent(), Silent(), Says("my top-up is missing"), Keys("1"))
    assert bench.texts == ["my top-up is missing", "yes"]


@pytest.mark.parametrize("step", ["", "topic", "helped", "person"])
async def test_a_gateway_that_cannot_be_reached_takes_a_voice_message(step):
    bench = Bench(help_desk, broken={step})
    acts = {"": [], "topic": [Says("top-up")], "helped": [Says("top-up"), Keys("2")]}
    before = acts.get(step, [Silent(), Silent(), Keys("1")])
    call = await bench.call(*before, Says("nobody answers"))
    assert EN["sorry"] in call.heard or ZH["sorry"] in call.heard
    assert len(call.recordings) == 1
    assert any(event.attachments for event in bench.inbox.values())


async def test_every_step_may_be_repeated():
    bench = Bench(help_desk, twice=True)
    await bench.call(Says("my card"), Keys("2"), Keys("*"), Keys("2"), Keys("2"), Keys("139"),
                     Keys("13900139000"))  # fmt: skip
    assert bench.texts == [
        "my card", "2", "no", "Please call me back, call me on +8613900139000",
    ]  # fmt: skip


async def test_the_account_may_say_it_in_its_own_words():
    bench = Bench(help_desk, {"language": "en", "prompts_en": {"greeting": "Pay here {odd}."}})
    assert (await bench.call()).spoken[0] == "Pay here {odd}."


async def test_a_long_answer_is_spoken_in_pieces():
    call = await Bench(lambda _: said("word " * 2000, "answered")).call(Says("x"))
    assert sum(text.count("word") for text in call.spoken) == 2000
