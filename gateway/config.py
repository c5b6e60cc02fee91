"""What the operator can set: `gateway.toml`, overridden by `GATEWAY_…` variables.

A wrong file never half works: every mistake is collected and shown at once, with the full path of
its key. What belongs to one channel stays a mapping here; `gateway.registry` checks it.
"""

import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    JsonValue,
    PrivateAttr,
    ValidationError,
)

from gateway.calendars import CalendarSettings
from gateway.dangling import dangling
from gateway.domain import model
from gateway.domain.calendar import Calendar
from gateway.domain.errors import SettingsError
from gateway.layers import override, read, resolved
from gateway.problems import explain, raise_for
from gateway.schema import keys_of
from gateway.staffing import (
    AgentSettings,
    CallbackSettings,
    DispositionSettings,
    Name,
    QueueSettings,
    RoutingSettings,
    Section,
    ShiftSettings,
)
from gateway.store import address
from gateway.targets import TargetSettings

FILE_NAME = "gateway.toml"


def _web_address(value: str) -> str:
    parts = urlsplit(value)
    if value and (parts.scheme not in {"http", "https"} or not parts.netloc):
        raise ValueError("expects an address that begins with http:// or https://")
    return value.rstrip("/")


class Server(Section):
    """Where the gateway listens for webhooks and pages."""

    host: str = Field("127.0.0.1", description="Address to listen on; 0.0.0.0 for every one.")
    port: int = Field(8080, ge=0, le=65535, description="Port to listen on; 0 takes a free one.")
    public_url: Annotated[str, AfterValidator(_web_address)] = Field(
        "",
        description="Address under which providers reach us, as they sign it. Empty: http://host:port.",
    )
    allow_private: bool = Field(
        default=False,
        description="Let outgoing calls reach private and loopback addresses (simulators, own systems).",
    )


class BrandSettings(Section):
    """One brand: the only source of numbers, links and promises in an outgoing text."""

    name: str = Field(description="Name of the brand in texts.")
    names: dict[str, str] = Field(
        default_factory=dict, description="Name by language where it differs, as zh-CN."
    )
    facts: dict[str, JsonValue] = Field(
        default_factory=dict,
        description="What answers may state: hotline, hours, links … Templates use them by name.",
    )
    tables: dict[str, dict[str, JsonValue]] = Field(
        default_factory=dict,
        description="Lookup tables: error_codes, countries … A row is stated when a customer names it.",
    )
    calendar: CalendarSettings = Field(
        default_factory=CalendarSettings, description="Its working days and opening hours."
    )


class Account(BaseModel):
    """One configured mailbox, number or page. Beside these keys stand the channel's own."""

    model_config = ConfigDict(extra="allow", frozen=True)
    __pydantic_extra__: dict[str, Any] = Field(init=False)

    kind: str = Field(description="Which channel it is.")
    brand: str = Field("", description="Whose account it is; needed when there are several brands.")
    queue: str = Field("", description="Where its inquiries wait when no topic says otherwise.")
    allow_private: bool = Field(
        default=False, description="As server.allow_private, for this account only."
    )

    @property
    def settings(self) -> dict[str, Any]:
        """What was given beside the keys every account has."""
        return dict(self.__pydantic_extra__)

    def __repr_args__(self) -> Iterable[tuple[str, str]]:
        """Without the channel's own keys: there are passwords among them."""
        return [("kind", self.kind), ("brand", self.brand), ("queue", self.queue)]


class Limits(Section):
    """Bounds: past them the sender is told to come again, at once."""

    body_bytes: int = Field(1 << 20, ge=1024, description="Largest webhook body, in bytes.")
    attachment_bytes: int = Field(
        25 << 20,
        ge=1024,
        description="Largest file of a customer that is fetched from a provider, in bytes.",
    )
    waiting_units: int = Field(4096, ge=1, description="Units of work that may wait for the disk.")
    in_flight: int = Field(1024, ge=1, description="Webhook calls under way at once.")
    attempts: int = Field(8, ge=1, description="Tries of one transmission before it is given up.")
    stale_days: float = Field(
        7,
        gt=0,
        description="Days after which what waits for the customer to write again does not go out by itself.",
    )


class Workers(Section):
    """How much is done side by side."""

    processes: int = Field(2, ge=1, le=256, description="Processes for reading and deciding.")
    lane_batch: int = Field(64, ge=1, description="Events taken from the intake at once.")
    delivery_concurrency: int = Field(16, ge=1, description="Transmissions under way at once.")
    poll_seconds: float = Field(
        1.0, gt=0, description="How often to look for work that nothing announced, in seconds."
    )


class Answers(Section):
    """How sure an automatic answer has to be, and how many there may be."""

    alpha: float = Field(
        0.05, gt=0, lt=1, description="Share of wrong answers that a certificate has to exclude."
    )
    delta: float = Field(
        0.1, gt=0, lt=1, description="Probability that a certificate is mistaken about it."
    )
    engine: Literal["lexical", "default", "accurate"] = Field(
        "default",
        description="What tells topics apart: characters alone, or with one or two sentence "
        "encoders beside them.",
    )
    models: Path = Field(
        Path("models"),
        description="Where trained engines are kept; relative to data_dir. It can be deleted.",
    )
    mode: Literal["automatic", "suggest"] = Field(
        "automatic",
        description="automatic: answer what a certificate covers; suggest: offer answers to agents only.",
    )
    audit_share: float = Field(
        0.05, ge=0, le=1, description="Share of all questions that a person is asked to judge."
    )
    bootstrap: bool = Field(
        default=True,
        description="Answer from the first minute, certified by the questions that come with the "
        "knowledge base, until a certificate of your own cases is made.",
    )
    automatic_replies_per_day: int = Field(
        5, ge=0, description="Automatic texts to one address in 24 hours; stops mail loops."
    )
    close_after_hours: float = Field(
        72, gt=0, description="Silence after an answer until the inquiry is closed, in hours."
    )


class Privacy(Section):
    """What is taken out of messages beyond cards, ID cards, codes and passwords, and how long what
    cannot be read is kept."""

    phones: bool = Field(default=False, description="Take telephone numbers of people out.")
    mail_addresses: bool = Field(default=False, description="Take mail addresses out of texts.")
    lone_codes: bool = Field(
        default=True,
        description="Take a message for a one-time code that is nothing but six digits.",
    )
    quarantine_days: float = Field(
        30, gt=0, description="Days after which what could not be read is deleted."
    )


class LogSettings(Section):
    """What is written to standard error. Never customer text, never a secret."""

    level: Literal["debug", "info", "warning", "error"] = Field(
        "info", description="The least important line that is written."
    )
    as_json: bool = Field(
        default=False, alias="json", description="One JSON object a line, for log collectors."
    )


def _demo_brands() -> dict[str, BrandSettings]:
    return {"demo": BrandSettings(name="Demo Wallet", names={"zh-CN": "演示钱包"})}


def _usual_queues() -> dict[str, QueueSettings]:
    return {
        "security": QueueSettings(title="Security 账户安全", priority=1),
        "payments": QueueSettings(title="Payments 支付与提现", priority=3),
        "accounts": QueueSettings(title="Accounts 账户与绑卡", priority=5),
        "complaints": QueueSettings(title="Complaints 投诉与争议", priority=4),
        "general": QueueSettings(title="General 综合咨询", priority=7),
    }


class Config(Section):
    """Everything that can be set, checked."""

    data_dir: Path = Field(
        Path(), description="Where everything is kept; relative to the file that names it."
    )
    database: Annotated[str, AfterValidator(address.checked)] = Field(
        "sqlite:gateway.sqlite",
        description="The database: sqlite:FILE, relative to data_dir, or postgresql://… (a server).",
        repr=False,  # there may be a password in it
    )
    templates: Annotated[Path | None, BeforeValidator(lambda value: value or None)] = Field(
        None, description="Folder of answer templates, instead of those that come with the gateway."
    )
    default_queue: str = Field(
        "general", description="Where an inquiry waits when nothing else says where."
    )
    sla: tuple[TargetSettings, ...] = Field(
        (), description="How long customers may wait: one [[sla]] table for each target."
    )
    server: Server = Field(default_factory=Server)
    brands: dict[Name, BrandSettings] = Field(default_factory=_demo_brands)
    queues: dict[Name, QueueSettings] = Field(default_factory=_usual_queues)
    agents: dict[Name, AgentSettings] = Field(default_factory=dict)
    shifts: dict[Name, ShiftSettings] = Field(default_factory=dict)
    dispositions: dict[Name, DispositionSettings] = Field(default_factory=dict)
    routing: RoutingSettings = Field(default_factory=RoutingSettings)
    callbacks: CallbackSettings = Field(default_factory=CallbackSettings)
    accounts: dict[Name, Account] = Field(default_factory=dict)
    limits: Limits = Field(default_factory=Limits)
    workers: Workers = Field(default_factory=Workers)
    answers: Answers = Field(default_factory=Answers)
    privacy: Privacy = Field(default_factory=Privacy)
    log: LogSettings = Field(default_factory=LogSettings)

    _file: Path | None = PrivateAttr(None)

    @property
    def file(self) -> Path | None:
        """The file it was read from; None when there was none."""
        return self._file

    @property
    def database_path(self) -> Path | None:
        """The SQLite file; None where a server holds the database."""
        return address.file_of(self.database, self.data_dir)

    @property
    def shared(self) -> bool:
        """Whether several processes may work on the database: a server holds it."""
        return address.is_postgres(self.database)

    @property
    def database_shown(self) -> str:
        """Which database it is, without a password."""
        return address.shown(self.database, self.data_dir)

    @property
    def secrets(self) -> tuple[str, ...]:
        """What of these settings must appear in no log line; the accounts' own come beside it."""
        return address.secrets_of(self.database)

    @property
    def public_url(self) -> str:
        """Where providers reach us, without a closing slash."""
        host = f"[{self.server.host}]" if ":" in self.server.host else self.server.host
        return self.server.public_url or f"http://{host}:{self.server.port}"

    def domain_brands(self) -> dict[str, model.Brand]:
        """The brand profiles as the rest of the gateway knows them."""
        return {
            name: model.Brand(
                id=name,
                name=brand.name,
                facts=brand.facts,
                names=brand.names,
                tables=brand.tables,
                calendar=brand.calendar.calendar(
                    self._file and self._file.parent, f"brands.{name}.calendar"
                ),
            )
            for name, brand in self.brands.items()
        }

    def domain_queues(self) -> dict[str, model.Queue]:
        """The queues as the rest of the gateway knows them."""
        return {
            name: model.Queue(
                id=name,
                title=queue.title,
                priority=queue.priority,
                skills=queue.skills,
                ageing=queue.ageing_minutes and queue.ageing_minutes * 60,
            )
            for name, queue in self.queues.items()
        }

    def queue_calendars(self) -> dict[str, Calendar]:
        """The calendars of the queues that have their own. Raises as `CalendarSettings.calendar`."""
        home = self._file and self._file.parent
        return {
            name: queue.calendar.calendar(home, f"queues.{name}.calendar")
            for name, queue in self.queues.items()
            if queue.calendar is not None
        }

    def brand_of(self, account: Account) -> str:
        """Whose account it is: the one named, else the only brand there is."""
        return account.brand or next(iter(self.brands))

    def _placed(self, file: Path | None, data_dir: Path | None) -> Self:
        """The same with whole paths: those of the file are relative to its folder."""
        home = file.parent if file else Path.cwd()
        places = {
            "data_dir": data_dir.absolute() if data_dir else home / self.data_dir,
            "templates": self.templates and home / self.templates,
        }
        placed = self.model_copy(update=places)
        placed._file = file  # noqa: SLF001 - a copy of itself, not another object's inside
        return placed


# ---------------------------------------------------------------- loading


def load(
    path: Path | None = None,
    data_dir: Path | None = None,
    environ: Mapping[str, str] | None = None,
) -> Config:
    """Read, override, resolve and check the settings.

    Args:
        path: the file. None: `gateway.toml` in `data_dir`, else in the current folder; built-in
            settings when there is none either.
        data_dir: where everything is kept; stronger than the file and the environment.
        environ: the environment; None for the process's own.

    Raises:
        SettingsError: with every mistake that was found, one a line.
    """
    environ = os.environ if environ is None else environ
    file = _find(path, data_dir)
    home = file.parent if file else Path.cwd()
    layers = read(file) if file else {}
    tables = {name for name in keys_at([]) if keys_at([name]) or keys_at([name, "*"])}
    problems = override(layers, environ, set(keys_at([])) - tables, tables)
    values = resolved(layers, "", home, environ, problems)
    try:
        config = Config.model_validate(values)
    except ValidationError as error:
        raise_for(problems + explain(error, "", keys_at))
        raise  # a validation error without a finding: cannot be, but must not pass in silence
    raise_for(problems + dangling(config))
    return config._placed(file, data_dir)  # noqa: SLF001 - the two halves of one module


def templates_dir(configured: Path | None = None) -> Path:
    """The folder of templates: the configured one, else the wheel's, else the checkout's.

    Raises:
        SettingsError: it is not there.
    """
    package = Path(__file__).parent
    places = [configured] if configured else [package / "_templates", package.parent / "templates"]
    for place in places:
        if place.is_dir():
            return place
    raise SettingsError(f"there is no folder {places[0]}", key="templates")


def keys_at(where: Sequence[str | int]) -> list[str]:
    """The valid keys of the table at a path of the file; [] for a table of free names."""
    return keys_of(Config, where)


def _find(path: Path | None, data_dir: Path | None) -> Path | None:
    if path is not None:
        if not path.is_file():
            raise SettingsError(f"there is no file {path}; `gateway init` writes one")
        return path.absolute()
    for place in (data_dir, Path.cwd()):
        if place is not None and (place / FILE_NAME).is_file():
            return (place / FILE_NAME).absolute()
    return None
