"""The story on the terminal: what happens now, the inquiries, and the log, redrawn as they change."""

import asyncio
import time
from collections.abc import Mapping

from rich.console import Console, Group, RenderableType
from rich.layout import Layout
from rich.live import Live
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from gateway.demo.cast import Words
from gateway.demo.progress import Line, Progress
from gateway.demo.watch import LoggedEvent, Watch
from gateway.domain.store import Row

#: Seconds between two pictures.
FRAME = 0.2
#: Rows of the log on a large terminal, and on one with fewer lines than `LARGE`.
EVENTS, FEW_EVENTS, LARGE = 9, 5, 36
#: Lines that are neither inquiries nor log: headline, foot, frames, the table's head.
FRAMES = 10
#: Letters of one quotation: an answer by mail is longer than the panel.
QUOTE = 420

_STATES: Mapping[str, tuple[Words, str]] = {
    "new": (Words("新", "new"), "white"),
    "answered": (Words("已回复", "answered"), "green"),
    "waiting_customer": (Words("等客户", "waiting"), "cyan"),
    "queued": (Words("排队中", "queued"), "yellow"),
    "offered": (Words("待接受", "offered"), "yellow"),
    "assigned": (Words("处理中", "assigned"), "magenta"),
    "wrapping": (Words("收尾", "wrapping"), "magenta"),
    "snoozed": (Words("搁置", "snoozed"), "white"),
    "resolved": (Words("已解决", "resolved"), "green"),
    "closed": (Words("已关闭", "closed"), "white"),
}
_MARKS = {"waiting": ("·", "dim"), "playing": ("▶", "bold"), "seen": ("✓", "green"), "failed": ("✗", "red")}  # fmt: skip


class Screen:
    """Draws; changes nothing."""

    def __init__(self, progress: Progress, watch: Watch, language: str, page: str) -> None:
        self._progress = progress
        self._watch = watch
        self._language = language
        self._page = page
        self._console = Console()

    async def run(self) -> None:
        """Draw until cancelled; then the terminal is as it was before."""
        with Live(self.picture(), console=self._console, screen=True, auto_refresh=False) as live:
            while True:
                live.update(self.picture(), refresh=True)
                await asyncio.sleep(FRAME)

    def picture(self) -> RenderableType:
        """The whole screen."""
        layout = Layout()
        layout.split_column(
            Layout(self._headline(), size=4),
            Layout(name="middle", ratio=1),
            Layout(self._log(), size=self._events + 2),
            Layout(self._foot(), size=1),
        )
        layout["middle"].split_row(
            Layout(self._happening(), ratio=2), Layout(self._inquiries(), ratio=3)
        )
        return layout

    def _say(self, zh: str, en: str) -> str:
        return Words(zh, en).of(self._language)

    @property
    def _events(self) -> int:
        return EVENTS if self._console.height >= LARGE else FEW_EVENTS

    # ------------------------------------------------------------ parts

    def _headline(self) -> RenderableType:
        progress = self._progress
        marks = Text()
        for number, act in enumerate(progress.acts):
            mark, style = _MARKS[act.state]
            marks.append(f"{mark}{number} ", style)
        if progress.ended:
            title = self._say("演完了，随便看看。", "The end. Have a look around.")
            if progress.failed:
                names = ", ".join(act.title.of(self._language) for act in progress.failed)
                title = self._say(f"没有看到：{names}", f"Not seen: {names}")
        else:
            title = progress.act.title.of(self._language) if progress.now >= 0 else "…"
        return Panel(Group(Text(title, style="bold"), marks), border_style="blue", padding=(0, 1))

    def _happening(self) -> RenderableType:
        act = self._progress.act
        parts = [self._spoken(line) for line in list(self._progress.lines)[-6:]]
        parts += [Text(f"✓ {words.of(self._language)}", style="green") for words in act.seen]
        if act.failure is not None:
            parts.append(Text(f"✗ {act.failure.of(self._language)}", style="red"))
        return Panel(Group(*parts), title=self._say("现在", "Now"), padding=(0, 1))

    def _spoken(self, line: Line) -> Text:
        text = line.words.of(self._language)
        if not line.speaker:
            return Text(text, style="italic")
        text = " ".join(text.split())
        shown = text if len(text) <= QUOTE else f"{text[:QUOTE]}…"
        return Text.assemble((f"{line.speaker}: ", "bold cyan"), shown)

    def _inquiries(self) -> RenderableType:
        table = Table(expand=True, box=None, padding=(0, 1), header_style="bold")
        for zh, en, ratio in (
            ("编号", "number", 0),
            ("渠道", "channel", 0),
            ("内容", "subject", 1),
            ("主题", "topic", 1),
            ("状态", "state", 0),
            ("队列", "queue", 0),
        ):
            table.add_column(self._say(zh, en), ratio=ratio or None, no_wrap=True)
        room = max(1, self._console.height - self._events - FRAMES)
        for row in self._watch.inquiries[-room:]:
            table.add_row(*self._cells(row))
        return Panel(table, title=self._say("咨询", "Inquiries"), padding=(0, 0))

    def _cells(self, row: Row) -> list[RenderableType]:
        words, style = _STATES.get(row["state"], (Words(row["state"], row["state"]), "white"))
        waits = row["state"] in ("queued", "offered", "assigned", "waiting_customer")
        queue = row["queue"] if waits else ""
        if row["urgent"]:
            queue = f"▲ {queue}"
        who = row["contact_name"]
        return [
            Text(row["number"][-6:], style="dim"),
            row["channel"],
            Text(f"{who}: {row['subject']}" if who else row["subject"]),
            Text(row["topic"], style="cyan"),
            Text(words.of(self._language), style=style),
            Text(f"{queue} {row['assigned_to']}".strip(), style="red" if row["urgent"] else ""),
        ]

    def _log(self) -> RenderableType:
        events = list(self._watch.events)[-self._events :]
        return Panel(
            Group(*(_event(event) for event in events)),
            title=self._say("日志（每一步都在链上）", "Log (every step, chained)"),
            padding=(0, 1),
        )

    def _foot(self) -> Text:
        return Text.assemble(
            (self._say("网页 ", "Page "), "dim"),
            (self._page, "bold underline"),
            (self._say("   Ctrl-C 结束，不留痕迹", "   Ctrl-C ends it and leaves nothing"), "dim"),
        )


def _event(event: LoggedEvent) -> Text:
    clock = time.strftime("%H:%M:%S", time.localtime(event.at))
    line = Text.assemble(
        (f"{clock} #{event.seq:<4d} ", "dim"),
        (f"{event.inquiry[-6:]:6s} ", "dim"),
        (f"{event.kind:24s} ", "bold"),
        event.detail,
    )
    line.no_wrap = True
    line.overflow = "ellipsis"
    return line
