"""What screens are made of: lines with a lead that what follows hangs under, and commands that stay whole."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.text import Text

_NARROWEST = 20
#: Words of a command; a flag and its value are one, as are those between quotes.
_WORDS = re.compile(r"--?[a-z][-a-z]* (?:'[^']*'|[^\s-]\S*)|'[^']*'|\S+")


@dataclass(frozen=True)
class Hanging:
    """A lead, and a text beside it; where it wraps, it goes on under itself. ``lines`` bounds it, 0: all of it."""

    lead: Text
    body: Text
    lines: int = 0

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        indent = self.lead.cell_len
        width = max(_NARROWEST, options.max_width - indent)
        wrapped = list(self.body.wrap(console, width))
        if self.lines and len(wrapped) > self.lines:
            last = Text(" ").join(wrapped[self.lines - 1 : self.lines + 1])
            last.truncate(width, overflow="ellipsis")
            wrapped = [*wrapped[: self.lines - 1], last]
        yield self.lead + (wrapped[0] if wrapped else Text())
        for line in wrapped[1:]:
            yield Text(" " * indent) + line


class Beside:
    """Texts in one line; what does not fit goes on in the next line, whole."""

    def __init__(self, *parts: Text) -> None:
        self._parts = [part for part in parts if part.plain]

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        line = Text()
        for part in self._parts:
            longer = line + _GAP + part if line else part
            if line and longer.cell_len > options.max_width:
                yield line
                longer = part
            line = longer
        yield line


_GAP = "   "


@dataclass(frozen=True)
class Command:
    """A command, ready to copy: where it is too long for the line, the shell's own continuation breaks it."""

    text: str
    lead: str = ""
    style: str = "bold"

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        indent = " " * len(self.lead)
        lines = broken(self.text, max(_NARROWEST, options.max_width - len(self.lead)))
        for at, line in enumerate(lines):
            yield Text(self.lead if at == 0 else indent) + Text(line, style=self.style, no_wrap=True, overflow="ignore")


def broken(command: str, width: int) -> list[str]:
    """A command in lines that a shell reads as one; a word that is longer than the line stays whole."""
    lines: list[str] = []
    line = ""
    for word in _WORDS.findall(command):
        longer = f"{line} {word}" if line else word
        if line and len(longer) > width - 2 and len(command) > width:
            lines.append(f"{line} \\")
            line = f"  {word}"
        else:
            line = longer
    return [*lines, line]


def stacked(parts: Iterable[RenderableType]) -> Group:
    return Group(*parts)


def pair(label: str, value: Text | str) -> Text:
    """`Label  value`, the label dimmed."""
    return Text.assemble((f"{label} ", "dim"), value)
