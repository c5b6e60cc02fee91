"""The field of a setting that is shown nowhere: in no repr, no log, no page."""

from dataclasses import field
from typing import Any


def secret_field(help_text: str, example: str) -> Any:
    """A field of a channel's `Settings` that may be left out.

    Args:
        help_text: what it is, one line.
        example: how to write it in gateway.toml, such as `env:NAME`.
    """
    return field(
        default="",
        repr=False,
        metadata={"help": help_text, "example": example, "secret": True},
    )
