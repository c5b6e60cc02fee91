"""Writes the first settings file: every key with its explanation and default, taken from the schema."""

import json
from dataclasses import MISSING, fields
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from gateway.config import FILE_NAME, Config, keys_at
from gateway.domain.errors import SettingsError
from gateway.keys import KEY_FILE, Keys

_INTRODUCTION = """\
# Settings of the contact routing gateway.
# A line that begins with '# name =' shows a default: remove the '#' to change it.
# Any text may be "env:NAME" (taken from that environment variable) or "file:PATH" (the content of
# that file), so that no password has to stand here.
# GATEWAY_SERVER__PORT=9000 in the environment overrides port in [server]; likewise all others.
# `gateway check` says what is wrong with this file.
"""

_EXAMPLES = {
    "brands": """\
[brands.wallet]
name = "My Wallet"
names = { "zh-CN" = "我的钱包" }

[brands.wallet.facts]
# hotline = "400-000-0000"
# hours = "09:00-21:00"

[brands.wallet.tables.error_codes]
# E1001 = { "zh-CN" = "银行卡余额不足，请换一张卡", en = "the card has too little money" }
""",
    "queues": """\
[queues.security]
title = "Security 账户安全"
priority = 1

[queues.payments]
title = "Payments 支付与提现"
priority = 3

[queues.complaints]
title = "Complaints 投诉与争议"
priority = 4

[queues.accounts]
title = "Accounts 账户与绑卡"

[queues.general]
title = "General 综合咨询"
priority = 7
""",
}


def sample(accounts: str = "") -> str:
    """The text of a commented `gateway.toml`.

    Args:
        accounts: commented examples, one for every channel, as `Registry.sample` gives them.
    """
    parts = [_INTRODUCTION, _table(Config)]
    for name, field in Config.model_fields.items():
        inner = field.annotation
        if isinstance(inner, type) and issubclass(inner, BaseModel):
            parts.append(f"# {_summary(inner)}\n[{name}]\n{_table(inner)}")
        elif name in _EXAMPLES:
            parts.append(_free_names(name) + _EXAMPLES[name])
        elif keys_at([name, "*"]):
            parts.append(_free_names(name) + accounts)
    return "\n".join(part.rstrip("\n") + "\n" for part in parts)


def account_sample(kind: str, settings: type[Any]) -> str:
    """A commented account for one channel. Without the first '#' of each line it holds what is
    required; what may be left out keeps a second one.

    Args:
        kind: the channel.
        settings: its `Settings` dataclass, whose fields tell `help`, `example` and `secret`.
    """
    lines = [f"# [accounts.my-{kind}]", f'# kind = "{kind}"']
    for field in fields(settings):
        required = field.default is MISSING and field.default_factory is MISSING
        note = " (secret)" if field.metadata.get("secret") else ""
        default = "" if field.default is MISSING else field.default
        example = _toml(field.metadata.get("example", default))
        lines += [
            f"# # {field.metadata.get('help', '')}{note}",
            f"# {'' if required else '# '}{field.name} = {example}",
        ]
    return "\n".join(lines) + "\n"


def write_sample(directory: Path, accounts: str = "") -> tuple[Path, Path]:
    """Write `gateway.toml` and the installation key into `directory`, made when it is not there.

    Returns:
        The two files.

    Raises:
        SettingsError: one of them is there already, or cannot be written. Nothing is overwritten.
    """
    file, key = directory / FILE_NAME, directory / KEY_FILE
    for path in (file, key):
        if path.exists():
            raise SettingsError(f"{path} is there already and is left as it is")
    try:
        directory.mkdir(parents=True, exist_ok=True)
        with file.open("x", encoding="utf-8") as out:
            out.write(sample(accounts))
    except OSError as error:
        raise SettingsError(f"{file} cannot be written: {error.strerror}") from error
    Keys.create(directory)
    return file, key


def _table(section: type[BaseModel]) -> str:
    """The keys of one table, each with its explanation, its default commented out."""
    lines = []
    for name, field in section.model_fields.items():
        if field.description is None:  # a table of its own
            continue
        default = field.get_default(call_default_factory=True)
        lines += [f"# {field.description}", f"# {field.alias or name} = {_toml(default)}"]
    return "\n".join(lines) + "\n"


def _free_names(name: str) -> str:
    """What may stand in [name.…] of a table with free names."""
    inner: Any = Config.model_fields[name].annotation
    section: type[BaseModel] = inner.__args__[1]
    lines = [f"# {_summary(section)}"]
    lines += _explained(section)
    return "\n".join(lines) + "\n"


def _explained(section: type[BaseModel], table: str = "") -> list[str]:
    """A line for each key; of a table inside, one for it and one for each of its keys."""
    lines = []
    for key, field in section.model_fields.items():
        inner = field.annotation
        if isinstance(inner, type) and issubclass(inner, BaseModel):
            lines.append(f"#   {table}{key}: {field.description}")
            lines += _explained(inner, f"{table}{key}.")
            continue
        usual = "required"
        if not field.is_required():
            usual = f"default: {_toml(field.get_default(call_default_factory=True))}"
        lines.append(f"#   {table}{key}: {field.description} ({usual})")
    return lines


def _summary(section: type[BaseModel]) -> str:
    return (section.__doc__ or "").partition("\n")[0]


def _toml(value: Any) -> str:
    """A default or an example as TOML writes it."""
    match value:
        case Path():
            return json.dumps(str(value))
        case None:
            return '""'
        case dict():
            pairs = ", ".join(f"{json.dumps(key)} = {_toml(inner)}" for key, inner in value.items())
            return f"{{ {pairs} }}" if pairs else "{}"
        case list() | tuple():
            return "[" + ", ".join(_toml(inner) for inner in value) + "]"
        case _:
            return json.dumps(value, ensure_ascii=False)
