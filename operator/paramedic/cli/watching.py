"""Following one incident: a live screen on a terminal, one line for each change elsewhere, in the same words."""

import asyncio
import contextlib
import signal
import sys
from types import TracebackType
from typing import Self

import click
from rich.console import Console, RenderableType
from rich.live import Live as LiveDisplay
from rich.text import Text

from paramedic.api.v1alpha1.incident import Incident
from paramedic.cli.screens.changes import news
from paramedic.cli.screens.headline import headline
from paramedic.cli.screens.page import fitting_page
from paramedic.cli.screens.view import View
from paramedic.cli.screens.words import clock as time_of_day
from paramedic.cli.show import target_of
from paramedic.clock import Clock
from paramedic.cluster.caller import Caller
from paramedic.cluster.following import Gone, follow
from paramedic.cluster.transport import Unavailable
from paramedic.model.objects import Object
from paramedic.model.references import ObjectRef
from paramedic.model.times import format_time

TIMED_OUT = 4
_EXIT_CODES = {"Resolved": 0, "Planned": 0, "Failed": 1, "Cancelled": 3}
_TICK = 1.0  # seconds between two repaints, so that ages move
_LEAST = 0.2  # seconds between two repaints, however much happens
_LOOK_AT_TARGET = 3.0  # seconds


def exit_code(phase: str) -> int:
    return _EXIT_CODES.get(phase, 1)


class Lines:
    """One line for each change, with the time of day: for pipes and logs."""

    def __init__(self) -> None:
        self._before: View | None = None
        self._lost = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        sys.stdout.flush()

    def show(self, view: View, lost: str) -> None:
        if lost and not self._lost:
            self._print(view, f"? connection lost, trying again: {lost}")
        self._lost = bool(lost)
        for line in news(self._before, view):
            self._print(view, line)
        self._before = view

    def _print(self, view: View, line: str) -> None:
        # An ended incident's last line is what `show` says too, word for word.
        last = view.ended and line == headline(view).plain
        click.echo(line if last else f"{time_of_day(format_time(view.now))} {line}")
        sys.stdout.flush()

    def close(self, view: View) -> None:
        """Everything is printed already."""


class Live:
    """A screen that is painted again as things change, and left as it was: the last page stays behind."""

    def __init__(self, console: Console, every: bool) -> None:
        self._console, self._every = console, every
        self._display = LiveDisplay(console=console, screen=True, auto_refresh=False, vertical_overflow="crop")
        self._last: View | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        started = self._display.is_started
        self._display.stop()
        if started and self._last is not None:
            self._console.print(self._page(self._last, None), crop=False)

    def show(self, view: View, lost: str) -> None:
        self._last = view
        footer = Text(f"? connection lost, trying again: {lost}", "bold magenta") if lost else None
        if not self._display.is_started:
            self._display.start()
        self._display.update(self._page(view, footer), refresh=True)

    def _page(self, view: View, footer: Text | None) -> RenderableType:
        height = self._console.size.height
        return fitting_page(view, self._console, height, unfold=self._every, footer=footer)

    def close(self, view: View) -> None:
        self._last = view


async def watch(caller: Caller, ref: ObjectRef, flags: str, screen: Lines | Live, clock: Clock) -> str:
    """Shows an incident until it has ended; the answer is the phase. Raises Gone, ApiError."""
    seen = _Seen(caller, ref, flags, clock)
    changed, tasks = seen.changed, [asyncio.create_task(seen.follow()), asyncio.create_task(seen.follow_target())]
    with contextlib.suppress(NotImplementedError, ValueError, AttributeError):
        asyncio.get_running_loop().add_signal_handler(signal.SIGWINCH, changed.set)
    try:
        while True:
            # Not wait_for, which in Python 3.11 can swallow the cancellation by Ctrl-C when both come at once.
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_TICK):
                    await changed.wait()
            changed.clear()
            if tasks[0].done():
                await tasks[0]
            view = seen.view()
            if view is None:
                if seen.lost:  # there has been no connection yet, so there is nothing to be shown meanwhile
                    raise Unavailable(seen.lost)
                continue
            screen.show(view, seen.lost)
            if view.ended:
                screen.close(view)
                return view.status.phase
            await asyncio.sleep(_LEAST)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


class _Seen:
    """What is known by now, kept up to date in the background."""

    def __init__(self, caller: Caller, ref: ObjectRef, flags: str, clock: Clock) -> None:
        self._caller, self._ref, self._flags, self._clock = caller, ref, flags, clock
        self._obj: Object | None = None
        self._target: Object | None = None
        self.lost = ""
        self.changed = asyncio.Event()

    async def follow(self) -> None:
        try:
            async for found in follow(self._caller.transport, self._ref, self._clock):
                if isinstance(found, Unavailable):
                    self.lost = str(found)
                else:
                    self._obj, self.lost = found, ""
                self.changed.set()
        except Gone:
            if self._obj is None:
                how = "list them: kubectl incident list -A"
                raise click.ClickException(
                    f"there is no {self._ref} in namespace {self._ref.namespace}; {how}"
                ) from None
            raise
        finally:
            self.changed.set()

    async def follow_target(self) -> None:
        """Looks at the workload now and then; its numbers tell whether it mends."""
        while True:
            if self._obj is not None:
                with contextlib.suppress(Unavailable):
                    self._target = await target_of(self._caller, self._obj)
            await self._clock.sleep(_LOOK_AT_TARGET if self._obj else _LEAST)

    def view(self) -> View | None:
        if self._obj is None:
            return None
        return View(Incident.model_validate(self._obj), self._clock.now(), self._flags, self._target)
