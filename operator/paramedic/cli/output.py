"""How answers are printed: on a terminal with colour, else as plain text; or as json, yaml, a name."""

import json
import os
import sys
from collections.abc import Callable
from typing import Any

import click
from rich.console import Console, RenderableType

from paramedic.cli.completing import complete_incidents
from paramedic.model.objects import Object

WIDE = 10_000  # columns of what is no terminal: nothing is wrapped there
_COMMAND = Callable[..., Any]


class Name(click.ParamType[str]):
    """The name of an incident; `incident/NAME`, as -o name prints it, is taken too."""

    name = "name"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        kind, slash, name = str(value).partition("/")
        if not slash:
            return kind
        if kind.partition(".")[0] not in ("incident", "incidents", "inc"):
            self.fail(f"{value!r} is no incident", param, ctx)
        return name


def name_argument(command: _COMMAND) -> _COMMAND:
    return click.argument("name", type=Name(), shell_complete=complete_incidents)(command)


def format_option(command: _COMMAND) -> _COMMAND:
    kinds = click.Choice(["json", "yaml", "name"])
    return click.option("-o", "--output", type=kinds, help="Print the object instead: json, yaml or name.")(command)


def color_option(command: _COMMAND) -> _COMMAND:
    return click.option("--no-color", is_flag=True, help="No colour, as with NO_COLOR in the environment.")(command)


def make_console(no_color: bool = False) -> Console:
    """Where screens are printed."""
    terminal = sys.stdout.isatty()
    plain = no_color or bool(os.environ.get("NO_COLOR")) or not terminal
    return Console(
        file=sys.stdout,
        force_terminal=terminal,
        color_system=None if plain else "auto",
        no_color=plain,
        width=None if terminal else WIDE,
        highlight=False,
        markup=False,
        emoji=False,
    )


def print_screen(console: Console, screen: RenderableType) -> None:
    if console.is_terminal:
        console.print(screen, crop=False)
        return
    click.echo(as_text(console, screen))


def as_text(console: Console, screen: RenderableType) -> str:
    """The screen as plain lines, none of which ends with blanks."""
    with console.capture() as captured:
        console.print(screen, crop=False)
    return "\n".join(line.rstrip() for line in captured.get().splitlines())


def print_object(obj: Object, output: str) -> None:
    """An object, or a List of them, as kubectl prints it."""
    if output == "json":
        click.echo(json.dumps(obj, indent=4, ensure_ascii=False))
    elif output == "yaml":
        click.echo(as_yaml(obj), nl=False)
    else:
        for item in obj.get("items", [obj]):
            click.echo(named(item["metadata"]["name"]))


def print_listed(items: list[Object], output: str) -> None:
    print_object({"apiVersion": "v1", "kind": "List", "metadata": {}, "items": items}, output)


def as_yaml(value: Any) -> str:
    import yaml  # nothing but -o yaml and diffs needs it

    text: str = yaml.safe_dump(value, sort_keys=False, allow_unicode=True, width=WIDE)
    return text


def named(name: str) -> str:
    return f"incident.paramedic.dev/{name}"


def say(name: str, what: str) -> None:
    """What was done, in kubectl's form."""
    click.echo(f"{named(name)} {what}")
