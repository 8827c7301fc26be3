"""Exactly once: whatever happens around a write, the run ends as it would have, and nothing is done twice.

Each write of each run is struck in three ways: it never happened, it happened and the reply was lost, or the operator
was killed right after it. The expected end is that of a run that nobody strikes.
"""

from dataclasses import dataclass
from datetime import timedelta

import pytest

from component.builders import Killed, StrikeAt, Ward, play_jobs, step
from paramedic.cluster.fake import Moment
from paramedic.cluster.transport import Unavailable
from paramedic.model.names import RESTARTED_ANNOTATION
from paramedic.model.objects import Object, dig
from paramedic.model.references import DEPLOYMENT, JOB, REPLICASET

IMAGE = "spec.template.spec.containers[web].image"
RUNS = {
    "rollingRestart": step("act", "rollingRestart"),
    "rollback": step("act", "rollback"),
    "isolate": step("act", "isolate", {"ttl": "1h"}, undo="OnResolve"),
    "collectEvidence": step("act", "collectEvidence"),
    "scale": step("act", "scale", {"by": 2}, undo="OnResolve"),
    "patch": step("act", "patch", {"set": [{"path": IMAGE, "value": "web:v3"}]}, undo="OnResolve"),
    "runJob": step(
        "act", "runJob", {"template": {"template": {"spec": {"containers": [{"name": "tool", "image": "t"}]}}}}
    ),
}
#: More writes than any of these runs takes; that it is more is tested.
MOST_WRITES = 9


def ward_for(action: str) -> Ward:
    ward = Ward(image="web:broken" if action == "rollback" else "web:v2", ticks=1)
    play_jobs(ward)
    return ward


@dataclass(frozen=True)
class End:
    """What is left of a run, apart from names, versions and moments."""

    phase: str
    states: tuple[tuple[str, str], ...]
    image: str
    revisions: int
    restarted: bool
    replicas: int
    jobs: int
    policies: int
    secrets: int
    effects: int


def end_of(ward: Ward, status: Object) -> End:
    web = ward.get(DEPLOYMENT, "web")
    return End(
        phase=status["phase"],
        states=tuple((item["name"], item["state"]) for item in status["steps"]),
        image=ward.image_of(),
        revisions=len(ward.cluster.all(REPLICASET)),
        restarted=dig(web, "spec", "template", "metadata", "annotations", RESTARTED_ANNOTATION) is not None,
        replicas=web["spec"]["replicas"],
        jobs=len(ward.cluster.all(JOB)),
        policies=len(ward.policies),
        secrets=len(ward.secrets),
        effects=len(ward.effects),
    )


_CLEAN: dict[str, tuple[End, int]] = {}


async def clean_run(action: str) -> tuple[End, int]:
    """How the run ends when nobody strikes, and how many writes of the operator it takes."""
    if action not in _CLEAN:
        ward = ward_for(action)
        await ward.open(RUNS[action])
        status = await ward.run()
        _CLEAN[action] = end_of(ward, status), len(ward.cluster.writes) - 1
    return _CLEAN[action]


@pytest.mark.parametrize("action", RUNS)
async def test_the_clean_run_resolves_and_has_fewer_writes_than_are_struck(action: str) -> None:
    end, writes = await clean_run(action)

    assert end.phase == "Resolved"
    assert writes <= MOST_WRITES
    assert end.effects == (1 if action in ("rollingRestart", "rollback", "collectEvidence") else 2)


@pytest.mark.parametrize("number", range(1, MOST_WRITES + 1))
@pytest.mark.parametrize(
    ("moment", "error"),
    [("before", Unavailable), ("after", Unavailable), ("before", Killed), ("after", Killed)],
    ids=["request lost", "reply lost", "killed before", "killed after"],
)
@pytest.mark.parametrize("action", RUNS)
async def test_a_write_that_is_struck_changes_nothing_about_the_end(
    action: str, moment: Moment, error: type[BaseException], number: int
) -> None:
    expected, writes = await clean_run(action)
    ward = ward_for(action)
    await ward.open(RUNS[action])
    strike = ward.cluster.fault = StrikeAt(number, moment, error)

    status = await ward.run()

    assert end_of(ward, status) == expected, "\n".join(map(str, ward.cluster.log))
    assert strike.struck is (number <= writes)


async def test_an_api_server_that_is_away_for_long_delays_a_run_and_nothing_else() -> None:
    ward = ward_for("rollback")
    await ward.open(RUNS["rollback"])
    back = ward.clock.now() + timedelta(minutes=2)

    def away(*_: object) -> None:
        if ward.clock.now() < back:
            raise Unavailable("away")

    ward.cluster.fault = away

    status = await ward.run()

    assert end_of(ward, status) == (await clean_run("rollback"))[0]
