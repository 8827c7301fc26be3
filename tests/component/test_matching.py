"""Which playbook answers an incident that names none, and what happens where none does."""

from datetime import timedelta
from typing import Any

from component.builders import Ward, playbook, step
from paramedic.model.objects import Object
from paramedic.model.references import PLAYBOOK

RESTART = step("restart", "rollingRestart")
ALERT = {"name": "InstanceDown", "fingerprint": "f1", "labels": {"team": "shop"}}


def answers(name: str, **match: Any) -> Object:
    return playbook(name, RESTART, match=match)


async def alerted(*playbooks: Object, **spec: Any) -> Ward:
    """An incident that an alert opened, looked at once."""
    ward = Ward()
    ward.add(*playbooks)
    await ward.alert("one", **({"alert": ALERT} | spec))
    await ward.look()
    return ward


async def test_the_playbook_that_names_the_alert_answers_and_says_why() -> None:
    ward = await alerted(
        answers("downtime", alertNames=["InstanceDown"]), answers("latency", alertNames=["HighLatency"])
    )

    status = await ward.run()

    assert status["phase"] == "Resolved"
    assert status["playbook"]["name"] == "downtime"
    assert status["playbook"]["reason"] == "it matches alert InstanceDown (priority 0)"


async def test_of_two_that_match_the_higher_priority_answers_and_the_other_is_named() -> None:
    ward = await alerted(
        answers("a", alertNames=["InstanceDown"]), answers("b", alertNames=["InstanceDown"], priority=10)
    )

    assert ward.status()["playbook"]["name"] == "b"
    assert "so do, with a lower priority or a later name, a (0)" in ward.status()["playbook"]["reason"]


async def test_of_two_equal_ones_the_first_by_name_answers() -> None:
    ward = await alerted(answers("zebra", alertNames=["InstanceDown"]), answers("ant", alertNames=["InstanceDown"]))

    assert ward.status()["playbook"]["name"] == "ant"


async def test_labels_are_matched_by_expression() -> None:
    ward = await alerted(
        answers("pay", expression="incident.alert.labels.team == 'pay'", priority=5),
        answers("shop", expression="incident.alert.labels.team == 'shop'"),
    )

    assert ward.status()["playbook"]["name"] == "shop"


async def test_an_expression_over_a_label_that_is_missing_does_not_match() -> None:
    ward = await alerted(answers("region", expression="incident.alert.labels.region == 'eu'"))

    assert "incident.alert.labels.region == 'eu' cannot be decided" in ward.status()["message"]


async def test_a_severity_that_is_not_listed_does_not_match() -> None:
    ward = await alerted(answers("critical", severities=["Critical"]), severity="Warning")

    assert ward.status()["phase"] == "Pending"
    assert "severities has no Warning" in ward.status()["message"]


async def test_a_playbook_without_match_answers_nobody() -> None:
    ward = await alerted(playbook("by-name-only", RESTART))

    assert "no playbook of this namespace has spec.match" in ward.status()["message"]


async def test_an_incident_that_no_playbook_answers_stays_visible_and_goes_on_once_one_does() -> None:
    ward = await alerted()
    assert ward.status()["phase"] == "Pending"
    assert ward.condition("Planned")["reason"] == "NoPlaybook"

    ward.add(answers("downtime", alertNames=["InstanceDown"]))
    status = await ward.run()

    assert status["phase"] == "Resolved"


async def test_a_playbook_that_is_invalid_does_not_answer_and_is_named() -> None:
    broken = answers("broken", alertNames=["InstanceDown"])
    broken["spec"]["steps"] = [step("a", "rollingRestart", if_="steps.nobody.failed")]
    ward = await alerted(broken)

    assert "broken is invalid" in ward.status()["message"]


async def test_an_alert_about_paramedic_itself_never_runs_a_playbook() -> None:
    ward = Ward()
    ward.add(answers("all", expression="true"))
    await ward.alert("one", alert=ALERT, annotations={"paramedic.dev/no-playbook": "own alert"})

    status = await ward.pass_time(timedelta(minutes=5))

    assert status["phase"] == "Pending"
    assert "no playbook may answer this incident: own alert" in status["message"]
    assert ward.effects == []


async def test_the_choice_is_frozen_with_the_plan() -> None:
    ward = Ward(ticks=10)
    ward.add(answers("first", alertNames=["InstanceDown"]))
    await ward.alert("one", alert=ALERT)
    await ward.look()

    ward.add(answers("better", alertNames=["InstanceDown"], priority=100))
    status = await ward.run()

    assert status["playbook"]["name"] == "first"
    assert status["phase"] == "Resolved"


async def test_an_incident_without_a_target_waits_for_people() -> None:
    ward = Ward()
    ward.add(answers("all", expression="true"))
    await ward.alert("one", target="", alert=ALERT)

    await ward.look()

    assert ward.status()["phase"] == "Pending"
    assert "names no target" in ward.status()["message"]


async def test_matching_reads_the_playbooks_once() -> None:
    ward = await alerted(answers("downtime", alertNames=["InstanceDown"]))

    lists = [item for item in ward.cluster.log if item.request.path == PLAYBOOK.path("shop")]

    assert len(lists) <= 2  # once for the plan, once more under the lock of its target


async def test_an_empty_match_answers_nobody() -> None:
    ward = await alerted(answers("everything"))

    assert ward.status()["phase"] == "Pending"
    assert ward.effects == []
