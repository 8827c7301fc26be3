"""Where a run is told: on the terminal, and in docs/performance.md."""

from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.table import Table as RichTable

from bench.plot import draw
from bench.processes import Failed
from bench.results import Results
from bench.tables import markdown, tables_of

PAGE, PLOT = "performance.md", "performance.svg"
BEGIN, END = "<!-- results: written by `make bench ARGS=--write` -->", "<!-- end of results -->"


def print_report(results: Results, console: Console | None = None) -> None:
    console = console or Console()
    for found in tables_of(results):
        table = RichTable(title=found.title, title_justify="left", title_style="bold")
        for at, name in enumerate(found.header):
            table.add_column(escape(name), justify="left" if at == 0 else "right")
        for row in found.rows:
            table.add_row(*(escape(cell.replace("**", "")) for cell in row))
        console.print(table)
    parts = ", ".join(f"{part} {seconds:.0f} s" for part, seconds in results.seconds.items())
    console.print(f"It took {sum(results.seconds.values()):.0f} s: {parts}.")


def write_report(results: Results, docs: Path) -> None:
    """Puts the run between the marks of the page, and draws the plot beside it. Raises Failed."""
    page = docs / PAGE
    text = page.read_text()
    before, found, rest = text.partition(BEGIN)
    _, closed, after = rest.partition(END)
    if not (found and closed):
        raise Failed(f"{page} has no lines {BEGIN!r} and {END!r} to write the results between")
    page.write_text(f"{before}{BEGIN}\n\n{section(results)}\n{END}{after}")
    (docs / PLOT).write_text(draw(results))


def section(results: Results) -> str:
    """The part of the page that is a run's own."""
    machine = results.machine
    versions = ", ".join(f"{name} {version}" for name, version in results.versions.items())
    parts = ", ".join(f"{part} {seconds:.0f} s" for part, seconds in results.seconds.items())
    facts = (
        f"- {results.at}, `{results.command}`, {sum(results.seconds.values()):.0f} s: {parts}",
        f"- {machine.processor}, {machine.cores} cores, {machine.memory_gb:.0f} GB, {machine.kernel}; load average"
        f" {machine.busy:.1f} at the beginning",
        f"- {versions}",
    )
    return "\n".join(
        [*facts, "", f"![latency and burst]({PLOT})", "", *(markdown(item) for item in tables_of(results))]
    )
