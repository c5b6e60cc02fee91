"""Draws how the share of wrong answers grows with the share that is answered, as SVG."""

from collections.abc import Mapping, Sequence
from html import escape

_WIDTH, _HEIGHT = 720, 440
_LEFT, _RIGHT, _TOP, _BOTTOM = 64, 150, 40, 56
#: Colours that colour-blind people tell apart (Okabe and Ito), and dashes for print.
_STYLES = (
    ("#0072b2", ""), ("#d55e00", "7 3"), ("#009e73", "2 3"), ("#cc79a7", "9 3 2 3"), ("#000000", "4 4"),
)  # fmt: skip

Curve = Sequence[tuple[float, float]]
"""(coverage, share of wrong answers), both from 0 to 1, coverage rising."""


def draw(
    curves: Mapping[str, Curve], certified: Mapping[str, float], alpha: float, title: str
) -> str:
    """The picture. A circle marks the mean coverage under a certificate; a line marks alpha."""
    highest = max((risk for curve in curves.values() for _, risk in curve), default=0.0)
    top = max(2 * alpha, min(1.0, highest * 1.05))
    frame = f'viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" font-family="sans-serif" font-size="12"'
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" {frame}><title>{escape(title)}</title>',
        f'<rect width="{_WIDTH}" height="{_HEIGHT}" fill="#ffffff"/>',
        f'<text x="{_LEFT}" y="24" font-size="15">{escape(title)}</text>',
        *_axes(top),
    ]
    level = _y(alpha, top)
    parts.append(
        f'<line x1="{_LEFT}" x2="{_x(1)}" y1="{level}" y2="{level}" stroke="#b00020"'
        f' stroke-dasharray="5 4"/><text x="{_x(1) + 6}" y="{level + 4}" fill="#b00020">'
        f"promised {alpha:.0%}</text>"
    )
    for number, (name, curve) in enumerate(curves.items()):
        colour, dashes = _STYLES[number % len(_STYLES)]
        points = " ".join(f"{_x(coverage)},{_y(risk, top)}" for coverage, risk in curve)
        parts.append(
            f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="2"'
            f' stroke-dasharray="{dashes}"/>'
        )
        if certified.get(name):
            at = certified[name]
            risk = min(curve, key=lambda point: abs(point[0] - at))[1]
            parts.append(f'<circle cx="{_x(at)}" cy="{_y(risk, top)}" r="5" fill="{colour}"/>')
        row = _TOP + 18 * number + 8
        parts.append(
            f'<line x1="{_LEFT + 14}" x2="{_LEFT + 44}" y1="{row}" y2="{row}" stroke="{colour}"'
            f' stroke-width="2" stroke-dasharray="{dashes}"/>'
            f'<text x="{_LEFT + 50}" y="{row + 4}">{escape(name)}</text>'
        )
    return "\n".join([*parts, "</svg>\n"])


def _axes(top: float) -> list[str]:
    middle, height = (_LEFT + _x(1)) / 2, (_TOP + _y(0, top)) / 2
    below = f'<text x="{middle}" y="{_HEIGHT - 14}" text-anchor="middle">'
    beside = f'<text transform="translate(18 {height}) rotate(-90)" text-anchor="middle">'
    parts = [
        f'<path d="M{_LEFT},{_TOP} V{_y(0, top)} H{_x(1)}" fill="none" stroke="#444444"/>',
        f"{below}share of texts answered</text>",
        f"{beside}share of wrong answers among them</text>",
    ]
    for step in range(6):
        x, y = _x(step / 5), _y(top * step / 5, top)
        parts.append(
            f'<text x="{x}" y="{_y(0, top) + 18}" text-anchor="middle">{step / 5:.0%}</text>'
            f'<text x="{_LEFT - 8}" y="{y + 4}" text-anchor="end">{top * step / 5:.1%}</text>'
            f'<line x1="{_LEFT}" x2="{_x(1)}" y1="{y}" y2="{y}" stroke="#e2e2e2"/>'
        )
    return parts


def _x(coverage: float) -> float:
    return round(_LEFT + coverage * (_WIDTH - _LEFT - _RIGHT), 1)


def _y(risk: float, top: float) -> float:
    height = _HEIGHT - _TOP - _BOTTOM
    return round(_TOP + height * (1 - min(risk, top) / top), 1)
