"""What the hotline says for a caller who pressed a key is understood by the rules and the dialogue."""

from pathlib import Path

import pytest

from channels._voice_prompts import LANGUAGES, PROMPTS
from gateway.answers.answerer import build_answerer
from gateway.domain.decision import Certificate, Question, Verb
from gateway.routing.wishes import beside_number, read_number
from tests.answers.brands import FULL
from tests.learnt import MODELS

TEMPLATES = Path(__file__).parents[3] / "templates"
COUNTRIES = frozenset({"CN"})


@pytest.fixture(scope="module")
def answerer():
    return build_answerer(TEMPLATES, {FULL.id: FULL}, engine="default", models=MODELS)


def question(text, language, **more):
    return Question(text=text, language=language, brand=FULL.id, form="voice", **more)


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_person_and_a_call_are_heard_by_rule(answerer, language):
    words = PROMPTS[language]
    person = answerer.decide(question(words["words_person"], language), ())
    assert (person.verb, person.evidence["rule"]) == (Verb.ROUTE, "person")
    for text in (
        words["words_callback"],
        words["words_callback_to"].replace("{telephone}", "+8613900139000"),
    ):
        assert answerer.wishes_call(question(text, language))
        assert answerer.decide(question(text, language), ()).evidence["rule"] == "callback"


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_number_that_was_keyed_in_is_the_one_to_call(language):
    text = PROMPTS[language]["words_callback_to"].replace("{telephone}", "+8613900139000")
    _, mine = beside_number(text, "CN")
    assert mine
    assert read_number(text, "CN", COUNTRIES) == "+8613900139000"


ASKED = {"zh-CN": "充值没有到账", "en": "my top-up has not arrived"}


@pytest.mark.parametrize("language", LANGUAGES)
def test_yes_and_no_are_heard_behind_an_answer(answerer, language):
    words = PROMPTS[language]
    loose = Certificate("c", "*/*/normal", 0.05, 0.1, 0.6, 100, 0, knowledge=answerer.version)
    answer = answerer.decide(question(ASKED[language], language), (loose,))
    assert answer.verb is Verb.ANSWER
    assert answer.dialogue["pending"] == "solved?"

    def said(name):
        reply = question(words[name], language, dialogue=answer.dialogue, first=False)
        return answerer.decide(reply, (loose,))

    assert said("words_yes").evidence.get("solved") is True
    more = said("words_no")
    assert more.evidence.get("solved") is not True
    assert more.evidence.get("continued") or more.verb is Verb.ROUTE
    assert more.reply != answer.reply
