"""`python -m bench`, which is what `make bench` runs."""

import asyncio
import signal
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path

import click

from bench.cluster import ROOT
from bench.parts import PARTS
from bench.processes import Failed
from bench.report import print_report, write_report
from bench.results import Results
from bench.run import run_parts
from bench.stage import Sizes

_RESULTS = ROOT / "bench" / "results"
_DEFAULT = Sizes()


@click.command(help="Measures PARTS, or all of them: " + ", ".join(PARTS))
@click.argument("parts", nargs=-1, type=click.Choice(list(PARTS)))
@click.option("--alerts", default=_DEFAULT.alerts, show_default=True, help="One after the other, to each arm.")
@click.option("--burst", default=_DEFAULT.burst, show_default=True, help="At once; also for each kill.")
@click.option("--flood", default=_DEFAULT.flood, show_default=True, help="At once, more than can be done soon.")
@click.option("--rounds", default=_DEFAULT.rounds, show_default=True, help="How often the burst is measured.")
@click.option("--kills", default=_DEFAULT.kills, show_default=True, help="How often paramedic is killed.")
@click.option("--write", is_flag=True, help="Put the results into docs/performance.md and its plot.")
@click.option("--from", "saved", type=click.Path(path_type=Path, exists=True), help="Show a saved run instead.")
@click.option("--keep", is_flag=True, help="Keep the logs, and the cluster running, to look into them.")
def main(
    parts: tuple[str, ...], alerts: int, burst: int, flood: int, rounds: int, kills: int, write: bool,
    saved: Path | None, keep: bool,
) -> None:  # fmt: skip
    try:
        if saved:
            results = Results.load(saved)
        else:
            sizes = Sizes(alerts=alerts, burst=burst, flood=flood, rounds=rounds, kills=kills)
            results = _measure(parts, sizes, keep)
    except Failed as failed:
        raise click.ClickException(str(failed)) from None
    except KeyboardInterrupt:
        raise click.ClickException("interrupted; everything started was ended") from None
    print_report(results)
    if write:
        write_report(results, ROOT / "docs")


def _measure(parts: tuple[str, ...], sizes: Sizes, keep: bool) -> Results:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    chosen = [part for part in PARTS if part in parts] or list(PARTS)
    command = "make bench" if len(sys.argv) == 1 else f"python -m bench {' '.join(sys.argv[1:])}"
    folder = Path(tempfile.mkdtemp(prefix="paramedic-bench-"))
    results = asyncio.run(run_parts(chosen, sizes, folder, command, keep=keep))
    path = _RESULTS / f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}.json"
    results.save(path)
    click.echo(f"saved as {path.relative_to(ROOT)}", err=True)
    return results


if __name__ == "__main__":
    main()
