"""Paragraphs out of text that was wrapped on its way: `format=flowed` (RFC 3676)."""


def unflow(text: str, *, delsp: bool) -> str:
    """`text` with its paragraphs on one line each.

    Args:
        text: as decoded, lines ended by LF.
        delsp: the blank before a soft line break is no part of the text, as with Chinese.

    Quoted lines keep their marks, `>> ` for the second level.
    """
    lines: list[str] = []
    soft_depth = -1
    for raw in text.split("\n"):
        depth = len(raw) - len(raw.lstrip(">"))
        line = raw[depth:]
        line = line.removeprefix(" ")  # was put there to protect the line
        soft = line.endswith(" ") and line != "-- "
        if soft_depth == depth and line != "-- ":
            lines[-1] += line
        else:
            lines.append(f"{'>' * depth} {line}" if depth else line)
        if soft and delsp:
            lines[-1] = lines[-1][:-1]
        soft_depth = depth if soft else -1
    return "\n".join(lines)
