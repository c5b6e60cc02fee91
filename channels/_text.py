"""Text from outside that may hold what no database takes."""


def clean(text: str) -> str:
    """Replace NUL and lone surrogates by U+FFFD.

    Apps cut texts in the middle of an emoji, and JSON can spell the half that is left. PostgreSQL
    refuses NUL. Neither is a reason to lose a customer's message.
    """
    if "\0" in text:
        text = text.replace("\0", "\N{REPLACEMENT CHARACTER}")
    if text.isascii():
        return text
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return text
