"""A run as tables, as a page and as a picture."""

import io
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
from rich.console import Console

from bench.plot import draw
from bench.processes import Failed
from bench.report import BEGIN, END, print_report, write_report
from bench.results import Results
from bench.tables import markdown, tables_of
from unit.bench.builders import kill, run


def cells(title: str, results: Results) -> dict[str, list[str]]:
    table = next(item for item in tables_of(results) if item.title.startswith(title))
    return {row[0]: list(row[1:]) for row in table.rows}


def test_latency_is_shown_beside_the_go_floor() -> None:
    found = cells("From an alert", run())
    assert found["p50, ms"] == ["1.00", "2.00", "160", "20"]
    assert found["p50 over the Go floor's"] == ["1.0 ×", "2.0 ×", "160.0 ×", "20.0 ×"]
    assert found["p99 over the Go floor's"] == ["1.0 ×", "1.5 ×", "300.0 ×", "45.0 ×"]


def test_a_burst_is_shown_beside_the_python_floor() -> None:
    found = cells("500 alerts at once", run())
    assert found["paramedic"][2:4] == ["10.0 s", "2.0 ×"]


def test_requests_of_an_incident_have_their_sums() -> None:
    assert cells("API requests", run())["sum"] == ["3.00", "5.00", "14.00"]


def test_what_misses_the_bar_stands_out() -> None:
    found = cells("The bar", run(kills=[kill(lost=2)]))
    assert found["accepted alerts over 1 × kill -9"] == ["0 lost, 0 twice", "2 lost, 0 twice of 500", "**no**"]


def test_a_table_in_markdown_has_a_row_for_each_row_and_all_its_columns() -> None:
    for table in tables_of(run()):
        lines = markdown(table).splitlines()
        assert lines[0] == f"### {table.title}"
        assert len(lines) == 4 + len(table.rows)
        assert {line.count("|") for line in lines[2:]} == {len(table.header) + 1}


def test_the_terminal_shows_every_table() -> None:
    console = Console(file=io.StringIO(), width=200)
    print_report(run(), console)
    assert isinstance(console.file, io.StringIO)
    shown = console.file.getvalue()
    assert all(table.title in shown for table in tables_of(run()))
    assert "It took 120 s: latency 100 s, burst 20 s." in shown


def test_the_page_keeps_what_people_wrote(tmp_path: Path) -> None:
    page = tmp_path / "performance.md"
    page.write_text(f"# Performance\n\n{BEGIN}\nold figures\n{END}\n\nWhat was found.\n")
    write_report(run(), tmp_path)
    text = page.read_text()
    assert text.startswith(f"# Performance\n\n{BEGIN}\n")
    assert text.endswith(f"{END}\n\nWhat was found.\n")
    assert "old figures" not in text
    assert "a processor, 2 cores" in text
    write_report(run(), tmp_path)
    assert page.read_text() == text


def test_a_page_without_its_marks_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "performance.md").write_text("# Performance\n")
    with pytest.raises(Failed, match="to write the results between"):
        write_report(run(), tmp_path)
    assert (tmp_path / "performance.md").read_text() == "# Performance\n"


def test_the_plot_shows_each_arm_and_is_well_formed() -> None:
    root = ET.fromstring(draw(run()))
    texts = {item.text for item in root.iter("{http://www.w3.org/2000/svg}text")}
    assert {"Go floor", "Python floor", "kubectl", "paramedic"} <= texts
    assert len(list(root.iter("{http://www.w3.org/2000/svg}polyline"))) == 3


def test_the_plot_of_a_run_of_few_parts_leaves_the_others_out() -> None:
    root = ET.fromstring(draw(run(bursts=[], latency={})))
    assert not list(root.iter("{http://www.w3.org/2000/svg}text"))


def test_a_saved_run_is_read_as_it_was(tmp_path: Path) -> None:
    run().save(tmp_path / "results" / "run.json")
    assert Results.load(tmp_path / "results" / "run.json") == run()
