"""Taking a mail apart, compared with the standard library, which does it in another way."""

from email import message_from_bytes
from email.message import Message

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.intake.mail.content import decoded
from gateway.intake.mail.structure import Part, split
from tests.intake.mail.letters import BOUNCES, CHARSETS, CLASSES, STRUCTURE

#: Where we mean to differ: the library reads these as a mail without header or parts.
_BETTER = {
    "line ends of an old Mac",
    "line ends that were converted twice",
    "multipart without a boundary",
    "torn base64",
}
LETTERS = [
    letter for letter in (*CHARSETS, *STRUCTURE, *CLASSES, *BOUNCES) if letter.name not in _BETTER
]

Shape = tuple[str, bytes, list["Shape"]]  # type: ignore[misc]  # mypy knows no recursive alias here


def ours(part: Part) -> Shape:
    if part.content_type.startswith("message/"):
        return (part.content_type, b"", [])
    children = [ours(child) for child in part.children]
    return (part.content_type, b"" if children else decoded(part).strip(), children)


def theirs(part: Message) -> Shape:
    if part.get_content_maintype() == "message":
        return (part.get_content_type(), b"", [])
    if part.is_multipart():
        return (part.get_content_type(), b"", [theirs(child) for child in part.get_payload()])
    payload = part.get_payload(decode=True)
    assert isinstance(payload, bytes)
    return (part.get_content_type(), payload.strip(), [])


@pytest.mark.parametrize("letter", LETTERS, ids=lambda letter: letter.name)
def test_the_parts_are_those_the_standard_library_finds(letter: object) -> None:
    raw = letter.raw  # type: ignore[attr-defined]  # a Letter
    assert ours(split(raw)) == theirs(message_from_bytes(raw))


LEAF = st.sampled_from([b"a", b"", b"a\r\nb", b"--", b"--no", b"x\r\n--b0x", b"\r\n"])


def tree(depth: int) -> st.SearchStrategy[bytes]:
    leaf = LEAF.map(lambda body: b"Content-Type: text/plain\r\n\r\n" + body)
    if depth == 0:
        return leaf
    inner = st.lists(tree(depth - 1), min_size=1, max_size=3)
    name = b"b%d" % depth

    def joined(children: list[bytes], closed: bool) -> bytes:
        body = b"".join(b"--%s\r\n%s\r\n" % (name, child) for child in children)
        end = b"--%s--\r\n" % name if closed else b""
        return b"Content-Type: multipart/mixed; boundary=%s\r\n\r\n%s%s" % (name, body, end)

    return leaf | st.builds(joined, inner, st.booleans())


@settings(max_examples=200, deadline=None)
@given(tree(3))
def test_any_tree_of_parts_is_the_one_the_standard_library_finds(data: bytes) -> None:
    assert ours(split(data)) == theirs(message_from_bytes(data))
