"""The words that are an order by themselves in an SMS: no more messages, or messages again."""

import unicodedata
from collections.abc import Iterable

#: English: Twilio's own defaults, on which it blocks the number by itself
#: (twilio.com/docs/messaging/tutorials/advanced-opt-out). Chinese: what messages in mainland China name
#: as the way out.
OPT_OUT_WORDS = frozenset(
    {"stop", "stopall", "unsubscribe", "cancel", "end", "quit", "revoke", "optout"}
    | {"td", "t", "退订", "退訂", "取消订阅", "取消訂閱", "拒收"}
)
#: The way back. Twilio's third default, YES, is left out: it is an answer to too many questions. When
#: Twilio took it as one, it says so in OptOutType.
OPT_IN_WORDS = frozenset({"start", "unstop", "订阅", "訂閱", "恢复订阅", "恢復訂閱"})


def folded(text: str) -> str:
    """A word as it is compared: full-width letters, case and blanks around it do not matter."""
    return unicodedata.normalize("NFKC", text).strip().casefold()


def opt_word(text: str, more: Iterable[str] = ()) -> str:
    """'out' or 'in' when the whole text is such a word, else ''.

    Args:
        text: what the customer wrote.
        more: further words that mean 'out', as the account's messages name them.
    """
    word = folded(text)
    if word in OPT_OUT_WORDS or (word and word in map(folded, more)):
        return "out"
    return "in" if word in OPT_IN_WORDS else ""
