"""The page that operators read names every setting and every kind of failure."""

from dataclasses import fields
from pathlib import Path

from channels.email import Email, EmailSettings
from gateway.domain.errors import Failure

PAGE = (Path(__file__).parents[3] / "docs" / "channels" / "email.md").read_text("utf-8")


def test_every_setting_is_documented_and_has_help_and_an_example() -> None:
    for setting in fields(EmailSettings):
        assert f"`{setting.name}`" in PAGE, setting.name
        assert setting.metadata["help"]
        assert "example" in setting.metadata


def test_the_secrets_are_those_of_the_settings() -> None:
    secret = tuple(f.name for f in fields(EmailSettings) if f.metadata.get("secret"))
    assert Email.capabilities.secrets == secret


def test_every_failure_a_send_can_bring_is_documented() -> None:
    for failure in (
        *(Failure.RETRY, Failure.THROTTLED, Failure.REJECTED),
        *(Failure.MISCONFIGURED, Failure.UNKNOWN),
    ):
        assert failure.name in PAGE
