"""How long a text is as SMS: short forms stay within two segments, whatever they are put together of."""

from gateway.domain.segments import segments

#: Segments that a short form may take.
MOST_SEGMENTS = 2


def fits(text: str) -> bool:
    """Whether `text` goes into two segments."""
    return segments(text).parts <= MOST_SEGMENTS
