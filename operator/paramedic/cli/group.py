"""A group of commands whose modules are imported when they run: `--help` stays instant however many there are."""

import gc
import importlib
import io
import logging
import sys
from typing import Any, NamedTuple

import click

PROGRAM = "kubectl incident"
COMPLETE_VARIABLE = "_KUBECTL_INCIDENT_COMPLETE"
INTERRUPTED = 130


class Entry(NamedTuple):
    """Where a command is, and the line that the list of commands shows."""

    module: str
    summary: str


class LazyGroup(click.Group):
    """Commands by name: `list` is the attribute `list_command` of its module."""

    def __init__(self, *args: Any, entries: dict[str, Entry], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.entries = entries

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self.entries)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        entry = self.entries.get(cmd_name)
        if entry is None:
            return None
        module = importlib.import_module(entry.module)
        found: click.Command = getattr(module, f"{cmd_name}_command")
        return found

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        rows = [(name, entry.summary) for name, entry in self.entries.items()]
        with formatter.section("Commands"):
            formatter.write_dl(rows)

    def main(self, *args: Any, **extra: Any) -> Any:
        if not args and not extra:  # a process of its own, rather than somebody else's
            _settle_process()
        extra = {"prog_name": PROGRAM, "complete_var": COMPLETE_VARIABLE} | extra
        return super().main(*args, **extra)

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except (KeyboardInterrupt, click.Abort):
            click.echo(err=True)
            sys.exit(INTERRUPTED)


def _settle_process() -> None:
    """A command lives for moments: imports make much that lasts, and collecting meanwhile takes a tenth of the start. An
    icon that a terminal cannot show is no reason to fail.
    """
    gc.set_threshold(100_000)
    logging.getLogger().addHandler(logging.NullHandler())  # what libraries warn of, commands say in their own words
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")
