"""How a step ends is written down: its evidence too, also of a failure."""

from paramedic.actions.contract import Evidence, Failed, Finished
from paramedic.engine.outcomes import conclude, fail
from unit.engine.running import planned

PIECE = Evidence("tool.log", "Logs", "3f9a" * 16, 12, "Secret/kept")


def test_what_a_failed_step_has_kept_is_listed() -> None:
    run = planned("job", action="runJob")
    fail(run, run.step("job"), Failed("exit code 1", evidence=(PIECE,)))
    assert [item.name for item in run.status.evidence] == ["tool.log"]


def test_a_piece_is_listed_once_whichever_attempt_tells_of_it() -> None:
    run = planned("job", action="runJob")
    conclude(run, run.step("job"), Finished("done", evidence=(PIECE,)))
    conclude(run, run.step("job"), Finished("done", evidence=(PIECE,)))
    assert len(run.status.evidence) == 1
