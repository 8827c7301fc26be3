"""What is wrong with a playbook: the path of the field, and the mend."""

from typing import Any

import pytest

from paramedic.engine.readiness.validation import examine, read_playbook
from support.objects import playbook, step


def problems(*steps: dict[str, Any], **spec: Any) -> list[str]:
    """What is said against a playbook of these steps."""
    _, found = examine(playbook("p", *(steps or [step("restart", "rollingRestart")]), **spec))
    return [str(item) for item in found if item.severity == "Error"]


def check(name: str, **action: Any) -> dict[str, Any]:
    return {"name": name, **action}


def test_a_good_playbook_has_no_problems() -> None:
    steps = [
        step("verify", "httpCheck", {"url": "${parameters.url}"}, onFailure="Continue"),
        step("mend", "rollback", if_="steps.verify.failed", undo="OnFailure"),
    ]
    assert problems(*steps, parameters=[{"name": "url", "required": True}]) == []


@pytest.mark.parametrize(
    ("steps", "problem"),
    [
        (
            [step("a", "rollback"), step("a", "rollback")],
            "spec.steps[1].name: 'a' is used twice; names are unique",
        ),
        (
            [{"name": "a"}],
            "spec.steps[0]: step a has no action; add one, such as rollback: {}",
        ),
        (
            [{"name": "a", "rollback": {}, "rollingRestart": {}}],
            "spec.steps[0]: step a has more than one action: rollingRestart rollback; keep one",
        ),
        (
            [step("a", "rollingRestart", undo="OnFailure")],
            "spec.steps[0].undo: rollingRestart cannot be undone; write Never or leave it out",
        ),
        (
            [step("a", "workloadStatus", approval={"required": True})],
            "spec.steps[0].approval: workloadStatus changes nothing that needs approval; leave it out",
        ),
        (
            [step("a", "rollback", if_="1 + 2")],
            "spec.steps[0].if: gives a INT, but must give true or false; compare it, as in incident.severity == 'Critical'",
        ),
        (
            [step("a", "httpCheck", {"url": "${parameters.url}"})],
            "spec.steps[0].httpCheck: ${parameters.url} names no parameter that is known here; there are none",
        ),
        (
            [step("a", "httpCheck", {"url": "${target.uid}"})],
            "spec.steps[0].httpCheck: ${target.uid} names no target that is known here;"
            " there are apiVersion, kind, name, namespace",
        ),
        (
            [step("a", "httpCheck", {"url": "${steps.later.outputs.url}"})],
            "spec.steps[0].httpCheck: ${steps.later.outputs.url} names no step that is known here; there are none",
        ),
        (
            [step("a", "workloadStatus"), step("b", "manual", {"instructions": "${steps.a.scope}"})],
            "spec.steps[1].manual: ${steps.a.scope} must end in .outputs.NAME or .state",
        ),
        (
            [step("a", "manual", {"instructions": "$(date) ${env}"})],
            "spec.steps[0].manual: ${env} is not a path; write one such as ${parameters.NAME}, ${target.name} or"
            " ${incident.name}",
        ),
        (
            [step("a", "tcpCheck", {"host": "db.shop:5432", "port": 5432})],
            "spec.steps[0].tcpCheck.host: host 'db.shop:5432' is no host name or address; write one alone, such as"
            " db.shop, the port in port",
        ),
        (
            [step("a", "promQuery", {"url": "http://prometheus:9090", "query": "up"})],
            "spec.steps[0].promQuery: it compares nothing; add expect, such as"
            ' {operator: "<", value: 0.05}, baseline or expression; see kubectl explain playbook.spec.steps',
        ),
        (
            [step("a", "httpCheck", {"url": "checkout:8080"})],
            "spec.steps[0].httpCheck.url: url 'checkout:8080' must begin with http:// or https:// and name a host, as"
            " http://checkout.shop:8080/healthz",
        ),
    ],
)  # fmt: skip
def test_a_mistake_in_a_step_is_told_with_its_path_and_its_mend(steps: list[dict[str, Any]], problem: str) -> None:
    assert problems(*steps) == [problem]


@pytest.mark.parametrize(
    ("spec", "problem"),
    [
        (
            {"parameters": [{"name": "x", "default": "1"}, {"name": "x", "default": "1"}]},
            "spec.parameters[1].name: 'x' is used twice; names are unique",
        ),
        (
            {"parameters": [{"name": "x", "required": True, "default": "1"}]},
            "spec.parameters[0].default: a required parameter has no default; remove one of the two",
        ),
        (
            {"parameters": [{"name": "x", "type": "integer", "default": "one"}]},
            "spec.parameters[0].default: 'one' is not an integer; write digits such as '3'",
        ),
        (
            {"recovery": {"stableFor": "5m", "timeout": "5m"}},
            "spec.recovery.timeout: 5m leaves no time beyond stableFor 5m; write a longer one, which counts stableFor in",
        ),
        (
            {"recovery": {"checks": [check("a"), check("b", workloadStatus={})]}},
            "spec.recovery.checks[0]: recovery check a needs exactly one of httpCheck, tcpCheck, checkDependencies, promQuery, workloadStatus, nodeStatus",
        ),
        (
            {"recovery": {"checks": [check("a", workloadStatus={}), check("a", workloadStatus={})]}},
            "spec.recovery.checks[1].name: 'a' is used twice; names are unique",
        ),
        (
            {"recovery": {"checks": [check("a", httpCheck={"url": "${steps.restart.outputs.x}"})]}},
            "spec.recovery.checks[0].httpCheck: ${steps.restart.outputs.x} names no step that is known here; there are none",
        ),
    ],
)  # fmt: skip
def test_a_mistake_beside_the_steps_is_told_with_its_path_and_its_mend(spec: dict[str, Any], problem: str) -> None:
    assert problems(**spec) == [problem]


@pytest.mark.parametrize(
    ("steps", "path"),
    [
        ([step("a", "rollback", {"toRevison": 3})], "spec.steps[0].rollback.toRevison"),
        ([step("a", "rollback", {"toRevision": 0})], "spec.steps[0].rollback.toRevision"),
        ([step("a", "wait", {"duration": "1234567s"})], "spec.steps[0].wait.duration"),
        ([step("a", "rollback", timeout="ten minutes")], "spec.steps[0].timeout"),
        ([step("A-b", "rollback")], "spec.steps[0].name"),
        ([step("a", "rollback", onFailure="Ignore")], "spec.steps[0].onFailure"),
    ],
)
def test_what_the_schema_refuses_is_told_with_its_path(steps: list[dict[str, Any]], path: str) -> None:
    (problem,) = problems(*steps)
    assert problem.startswith(f"{path}: ")


def test_every_problem_is_told_at_once() -> None:
    found = problems({"name": "a"}, step("b", "rollback", if_="("), recovery={"stableFor": "5m", "timeout": "1m"})
    assert len(found) == 3


CHANNELS = [{"name": "ops", "secretRef": {"name": "slack", "key": "url"}}]


def telling(*levels: dict[str, Any], **spec: Any) -> dict[str, Any]:
    """A spec whose channel is used, so that only what a test breaks is told."""
    first = {"after": "5m", "channel": "ops", "message": "nobody answers"}
    return {"channels": CHANNELS, "escalation": [first, *levels]} | spec


def level(**changes: Any) -> dict[str, Any]:
    return {"after": "15m", "channel": "ops", "message": "still open"} | changes


def update(**changes: Any) -> dict[str, Any]:
    return {"channel": "ops", "every": "15m", "message": "${incident.phase}: ${incident.message}"} | changes


@pytest.mark.parametrize(
    ("spec", "problem"),
    [
        (
            {"match": {"expression": "labels.team == 'shop'"}},
            "spec.match.expression: at 1:7: undeclared reference to 'labels.team'; it sees incident alone, as in"
            " incident.alert.labels.team == 'shop'",
        ),
        (
            {"match": {"expression": "parameters.replicas > 1"}},
            "spec.match.expression: at 1:11: undeclared reference to 'parameters.replicas'; it sees incident alone, as in"
            " incident.alert.labels.team == 'shop'",
        ),
        (
            {"match": {"expression": "incident.severity = 'Critical'"}},
            "spec.match.expression: at 1:19: a single = compares nothing, write ==; write CEL, such as"
            " incident.alert.labels.team == 'shop'",
        ),
        (
            {"match": {"expression": "incident.alert.lables.team == 'shop'"}},
            "spec.match.expression: there is no incident.alert.lables; did you mean"
            " incident.alert.labels?",
        ),
        (
            {"match": {"expression": "incident.alert.labels.size() > 0"}},
            None,
        ),
        (
            {"match": {"priority": 5000, "alertNames": ["Down"]}},
            "spec.match.priority: Input should be less than or equal to 1000; see kubectl explain playbook.spec.match",
        ),
        (
            telling(channels=[*CHANNELS, *CHANNELS]),
            "spec.channels[1].name: 'ops' is used twice; names are unique",
        ),
        (
            telling(level(channel="oops")),
            "spec.escalation[1].channel: 'oops' is not in spec.channels; write one of ops, or add it there",
        ),
        (
            {"escalation": [level()]},
            "spec.escalation[0].channel: 'ops' is not in spec.channels; add it there, with its secretRef",
        ),
        (
            telling(level(after="200h")),
            "spec.escalation[1].after: 200h is longer than a week; write one such as 15m, at most 168h",
        ),
        (
            telling(level(severity="Critical", raiseTo="Warning")),
            "spec.escalation[1].raiseTo: Warning is no higher than Critical; leave it out",
        ),
        (
            telling(level(raiseTo="Info")),
            "spec.escalation[1].raiseTo: Info is no higher than Info; write Warning or Critical, or leave it out",
        ),
        (
            telling(level(message="${incident.sumary}")),
            "spec.escalation[1].message: ${incident.sumary}: there is no incident.sumary; did you mean"
            " incident.summary?",
        ),
        (
            telling(level(message="${parameters.url}")),
            "spec.escalation[1].message: ${parameters.url}: there is no parameters.url; parameters has none",
        ),
        (
            telling(level(message="${steps.restrat.state}")),
            "spec.escalation[1].message: ${steps.restrat.state}: there is no steps.restrat; did you mean steps.restart?",
        ),
        (
            telling(level(message="see ${incident.name")),
            "spec.escalation[1].message: '${incident.name' has no end; write one such as ${parameters.NAME}",
        ),
        (
            telling(updates=[update(channel="boss")]),
            "spec.updates[0].channel: 'boss' is not in spec.channels; write one of ops, or add it there",
        ),
        (
            telling(updates=[update(every="0m")]),
            "spec.updates[0].every: 0m is not between 1m and 24h; write one such as 15m",
        ),
        (
            telling(updates=[update(every="30s")]),
            "spec.updates[0].every: '30s' does not fit; write hours and minutes, such as 15m or 1h",
        ),
        (
            telling(updates=[update(message="${incident.fase}")]),
            "spec.updates[0].message: ${incident.fase}: there is no incident.fase; did you mean"
            " incident.phase?",
        ),
        (
            {"guards": {"maxConcurrent": 0}},
            "spec.guards.maxConcurrent: Input should be greater than or equal to 1; see kubectl explain playbook.spec.guards",
        ),
    ],
)  # fmt: skip
def test_a_mistake_in_match_channels_or_messages_is_told_with_its_path_and_its_mend(
    spec: dict[str, Any], problem: str | None
) -> None:
    assert problems(**spec) == ([problem] if problem else [])


@pytest.mark.parametrize(
    ("spec", "warning"),
    [
        (
            {"match": {}},
            "spec.match: it answers every alert of the namespace; name some in alertNames, or write expression: \"true\""
            " where that is meant",
        ),
        (
            {"channels": CHANNELS},
            "spec.channels[0]: nothing is told to channel ops; name it in a step, in spec.escalation or in spec.updates,"
            " or leave it out",
        ),
        (
            telling(level(severity="Critical"), match={"severities": ["Warning"]}),
            "spec.escalation[1].severity: alerts that it answers are never Critical, and no level raises them to it; add"
            " Critical to spec.match.severities, or raise to it",
        ),
    ],
)  # fmt: skip
def test_what_is_likely_not_meant_is_a_warning_and_no_problem(spec: dict[str, Any], warning: str) -> None:
    _, found = examine(playbook("p", step("restart", "rollingRestart"), **spec))
    assert [(item.severity, str(item)) for item in found] == [("Warning", warning)]
    assert problems(**spec) == []


def test_a_severity_that_another_level_raises_to_is_reached() -> None:
    levels = [level(severity="Warning", raiseTo="Critical"), level(severity="Critical")]
    _, found = examine(playbook("p", step("a", "rollback"), **telling(*levels, match={"severities": ["Warning"]})))
    assert found == []


@pytest.mark.parametrize(
    ("mistake", "problem"),
    [
        (
            step("a", "rollback", if_="parameters.healthUrl == ''"),
            "spec.steps[0].if: there is no parameters.healthUrl; did you mean parameters.healthURL?",
        ),
        (
            step("a", "rollback", if_="target.uid == 'x'"),
            "spec.steps[0].if: there is no target.uid; target has apiVersion, kind, name, namespace",
        ),
        (
            step("a", "rollback", if_="incident.alert.label.team == 'incident.no'"),
            "spec.steps[0].if: there is no incident.alert.label; did you mean incident.alert.labels?",
        ),
        (
            step("a", "manual", {"instructions": "${incident.titel}"}),
            "spec.steps[0].manual: ${incident.titel}: there is no incident.titel; incident has acknowledgedBy, alert,",
        ),
        (
            step("a", "wait", {"duration": "2h"}, timeout="1h"),
            "spec.steps[0].wait.duration: it waits 2h, but its step may take 1h; write a longer timeout for the step",
        ),
        (
            step("a", "runJob", {"cronJob": "backup", "deadline": "20m"}, timeout="10m"),
            "spec.steps[0].runJob.deadline: it waits 20m, but its step may take 10m; write a longer timeout for the step",
        ),
        (
            step("a", "wait", {"duration": "0s"}),
            "spec.steps[0].wait.duration: 0s is no time at all; write one such as 30s",
        ),
        (
            step("a", "isolate", {"ttl": "0m"}),
            "spec.steps[0].isolate.ttl: 0m is no time at all; write one such as 30s",
        ),
        (
            step("a", "rollback", onFailure="Ignore"),
            "spec.steps[0].onFailure: 'Ignore' is not known here; write 'Stop', 'Continue' or 'Undo'",
        ),
        (
            step("a", "rollback", timeout="ten minutes"),
            "spec.steps[0].timeout: 'ten minutes' does not fit; write hours, minutes and seconds, such as 90s, 10m or 1h30m",
        ),
        (
            step("a-b", "rollback"),
            "spec.steps[0].name: 'a-b' does not fit; write letters and digits, a small letter first, such as verifyHealth",
        ),
        (
            step("a", "httpCheck"),
            "spec.steps[0].httpCheck.url: Field required; write it",
        ),
        (
            step("a", "restart"),
            "spec.steps[0].restart: unknown field; see kubectl explain playbook.spec.steps",
        ),
    ],
)  # fmt: skip
def test_a_misspelt_name_is_found_with_the_names_that_there_are(mistake: dict[str, Any], problem: str) -> None:
    (found,) = problems(mistake, parameters=[{"name": "healthURL"}])
    assert found.startswith(problem)


def test_what_is_in_quotes_is_text_and_no_name() -> None:
    assert problems(step("a", "rollback", if_="incident.summary.contains('incident.nothing')")) == []


@pytest.mark.parametrize("action", ["notify", "escalate"])
def test_a_step_that_speaks_to_a_channel_which_is_not_there_is_told(action: str) -> None:
    (found,) = problems(step("a", action, {"channel": "oops", "message": "${incident.phase}, next ${incident.eta}"}))
    assert found == f"spec.steps[0].{action}.channel: 'oops' is not in spec.channels; add it there, with its secretRef"


def test_a_channel_that_a_step_speaks_to_is_used() -> None:
    tell = step("a", "notify", {"channel": "ops", "message": "it is down"})
    assert examine(playbook("p", tell, channels=CHANNELS))[1] == []


def test_what_only_keeps_people_from_being_told_keeps_no_incident_from_being_mended() -> None:
    tell = step("tell", "notify", {"channel": "nobody", "message": "${incident.nothing}"})
    spec = {"match": {"expression": "labels.team"}, "escalation": [level(after="999h", raiseTo="Info")]}
    obj = playbook("p", tell, step("back", "rollback"), updates=[update(every="0m")], **spec)
    assert len(examine(obj)[1]) == 8
    assert read_playbook(obj)[1] == []
