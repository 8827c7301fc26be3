"""Screens as lines, as a pipe or a terminal shows them."""

import io

from rich.console import Console, RenderableType


def terminal(width: int = 80, height: int = 24) -> Console:
    """A terminal of this size, with colour."""
    return Console(
        file=io.StringIO(), force_terminal=True, color_system="standard", width=width, height=height,
        highlight=False, markup=False, emoji=False, legacy_windows=False, _environ={},
    )  # fmt: skip


def pipe(width: int = 10_000) -> Console:
    """Where plain text goes."""
    return Console(file=io.StringIO(), force_terminal=False, color_system=None, width=width, markup=False, _environ={})


def lines(screen: RenderableType, width: int = 10_000) -> list[str]:
    """The screen without colour, no line with blanks at its end."""
    console = pipe(width)
    with console.capture() as captured:
        console.print(screen, crop=False)
    return [line.rstrip() for line in captured.get().splitlines()]


def text(screen: RenderableType, width: int = 10_000) -> str:
    return "\n".join(lines(screen, width))
