"""Reads what `strace -f -y -ttt` wrote: system calls with their beginning and their end."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

_LINE = re.compile(r"(\d+)\s+(\d+\.\d+) (.*)")
_CALL = re.compile(r"(\w+)\((.*)")
_RESUMED = re.compile(r"<\.\.\. (\w+) resumed>(.*)")
_UNFINISHED = " <unfinished ...>"

#: What `-e trace=` is given.
CALLS = "fsync,fdatasync,pwrite64,pwritev,write,sendto,sendmsg,rename,renameat,renameat2,openat"


@dataclass(frozen=True, slots=True)
class Call:
    """One system call. Another thread's calls may lie between `begun` and `ended`: both are numbers
    of lines, in the order in which the kernel stopped for them."""

    name: str
    text: str
    """Arguments and result."""
    begun: int
    ended: int

    @property
    def good(self) -> bool:
        return "= -1 " not in self.text


def read(trace: Path) -> list[Call]:
    """Every call in the order in which they began."""
    open_calls: dict[str, tuple[str, str, int]] = {}
    calls = []
    for number, line in enumerate(trace.read_text(encoding="utf-8", errors="replace").splitlines()):
        found = _LINE.match(line)
        if found is None:
            continue
        thread, _, rest = found.groups()
        if resumed := _RESUMED.match(rest):
            if thread in open_calls:
                name, text, begun = open_calls.pop(thread)
                calls.append(Call(name, text + resumed[2], begun, number))
        elif called := _CALL.match(rest):
            name, text = called.groups()
            if text.endswith(_UNFINISHED):
                open_calls[thread] = (name, text.removesuffix(_UNFINISHED), number)
            else:
                calls.append(Call(name, text, number, number))
    return sorted(calls, key=lambda call: call.begun)


def only(calls: Sequence[Call], *names: str, holding: str = "") -> Iterator[Call]:
    """The successful calls of these names whose arguments match a pattern."""
    pattern = re.compile(holding)
    return (c for c in calls if c.name in names and c.good and pattern.search(c.text))
