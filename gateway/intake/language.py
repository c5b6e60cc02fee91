"""Finds the language of a text."""


def detect(text: str, fallback: str = "") -> str:
    """By script."""
    return "zh-CN" if any("\u4e00" <= c <= "\u9fff" for c in text) else ("en" if text else fallback)
