"""Whom paramedic tells, when, and what becomes of it."""

import base64
from datetime import timedelta
from typing import Any

import pytest

from component.builders import HEALTH, HOME, USER, Killed, StrikeAt, Ward, step
from paramedic.model.deliveries import Delivery
from paramedic.model.objects import Object
from paramedic.model.references import CONFIGMAP, INCIDENT
from paramedic.notify.contract import Notice

CHANNELS = [
    {"name": "oncall", "secretRef": {"name": "chat", "key": "oncall"}},
    {"name": "managers", "secretRef": {"name": "chat", "key": "managers"}},
]
MANUAL = step("call", "manual", {"instructions": "Call the payment provider."})
SLOW = step("breathe", "wait", {"duration": "12h"})


def chat(**urls: str) -> Object:
    data = {key: base64.b64encode(url.encode()).decode() for key, url in urls.items()}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "chat"}, "data": data}


def level(after: str, channel: str = "oncall", **more: Any) -> Object:
    return {"after": after, "channel": channel, "message": "${incident.summary}"} | more


async def ward_with(*steps: Object, escalation: Any = (), updates: Any = (), **spec: Any) -> Ward:
    """An incident whose playbook has two channels."""
    ward = Ward()
    ward.add(chat(oncall="json://oncall/", managers="json://managers/"))
    rules = {"channels": CHANNELS, "escalation": list(escalation), "updates": list(updates)}
    await ward.open(*steps, rules=rules, **spec)
    return ward


def told(ward: Ward, channel: str = "oncall") -> list[Notice]:
    return [notice for url, notice in ward.notifier.sent if url == f"json://{channel}/"]


def notices(ward: Ward) -> list[tuple[str, str, str]]:
    return [(item["reason"], item["channel"], item["state"]) for item in ward.status()["notifications"]]


# --- escalation


async def test_a_level_is_called_when_its_time_has_come_and_once() -> None:
    ward = await ward_with(SLOW, escalation=[level("5m")])

    await ward.pass_time(timedelta(minutes=4, seconds=50))
    assert told(ward) == []
    await ward.pass_time(timedelta(minutes=10))

    assert [notice.text for notice in told(ward)] == ["it does not answer"]
    assert ward.condition("Escalated")["status"] == "True"


async def test_levels_come_one_after_the_other() -> None:
    ward = await ward_with(SLOW, escalation=[level("1m"), level("10m", "managers")])

    await ward.pass_time(timedelta(minutes=5))
    assert (len(told(ward)), len(told(ward, "managers"))) == (1, 0)
    await ward.pass_time(timedelta(minutes=6))

    assert (len(told(ward)), len(told(ward, "managers"))) == (1, 1)


async def test_a_level_unless_acknowledged_is_not_called_once_a_person_has_taken_it() -> None:
    ward = await ward_with(SLOW, escalation=[level("5m", unless="Acknowledged"), level("10m", "managers")])
    await ward.look()

    ward.edit({"acknowledgedBy": "alice"})
    await ward.pass_time(timedelta(minutes=15))

    assert told(ward) == []
    assert len(told(ward, "managers")) == 1


async def test_a_resolved_incident_escalates_no_further() -> None:
    ward = await ward_with(step("restart", "rollingRestart"), escalation=[level("5m")])
    assert (await ward.run())["phase"] == "Resolved"

    await ward.pass_time(timedelta(minutes=30))

    assert told(ward) == []


async def test_a_failed_incident_calls_the_next_level_at_once_and_the_others_in_their_time() -> None:
    ward = await ward_with(
        step("check", "httpCheck", {"url": HEALTH}), escalation=[level("30m"), level("1h", "managers")]
    )

    assert (await ward.run())["phase"] == "Failed"
    await ward.look()
    assert (len(told(ward)), len(told(ward, "managers"))) == (1, 0)

    ward.clock.advance(timedelta(minutes=61))
    await ward.look()
    assert len(told(ward, "managers")) == 1


async def test_an_operator_that_was_restarted_calls_no_level_twice_and_forgets_none() -> None:
    ward = await ward_with(SLOW, escalation=[level("5m"), level("20m", "managers")])
    await ward.pass_time(timedelta(minutes=10))

    ward.start()
    await ward.pass_time(timedelta(minutes=15))

    assert (len(told(ward)), len(told(ward, "managers"))) == (1, 1)


async def test_a_raised_severity_starts_the_levels_of_that_severity_from_then_on() -> None:
    ward = await ward_with(
        SLOW,
        escalation=[level("10m", raiseTo="Critical"), level("15m", "managers", severity="Critical")],
        severity="Warning",
    )

    await ward.pass_time(timedelta(minutes=20))
    assert ward.status()["severity"] == "Critical"
    assert told(ward, "managers") == []
    await ward.pass_time(timedelta(minutes=6))

    assert len(told(ward, "managers")) == 1
    assert "severity raised from Warning to Critical" in str(ward.status()["timeline"])


async def test_a_severity_is_never_lowered() -> None:
    ward = await ward_with(
        step("up", "escalate", {"channel": "managers", "message": "look", "raiseTo": "Warning"}), severity="Critical"
    )

    await ward.run()

    assert ward.status()["severity"] == "Critical"


async def test_the_escalate_step_tells_and_raises() -> None:
    ward = await ward_with(
        step("up", "escalate", {"channel": "managers", "message": "${target.name} is down", "raiseTo": "Critical"}),
        severity="Warning",
    )

    status = await ward.run()
    await ward.look()

    assert status["severity"] == "Critical"
    assert ward.condition("Escalated")["reason"] == "StepEscalated"
    assert told(ward, "managers")[0].text == "web is down"


async def test_an_incident_without_a_playbook_escalates_by_the_default_playbook() -> None:
    ward = await ward_with(SLOW, escalation=[level("5m")], name="default")
    ward.notifier.sent.clear()
    await ward.alert("lost", alert={"name": "Strange"})

    await ward.pass_time(timedelta(minutes=6), name="lost")

    assert ward.status("lost")["phase"] == "Pending"
    assert len(told(ward)) == 1


# --- updates and the end


async def test_updates_go_out_at_their_interval_with_what_is_known_then() -> None:
    message = "${incident.phase}, step ${incident.progress}; next update at ${incident.nextUpdate}"
    ward = await ward_with(SLOW, updates=[{"channel": "managers", "every": "15m", "message": message}])

    await ward.pass_time(timedelta(minutes=31))

    first, second = told(ward, "managers")
    assert first.text.startswith("Running, step 1/1; next update at 2026-01-01T00:30:")
    assert second.text.startswith("Running, step 1/1; next update at 2026-01-01T00:45:")
    assert ward.status()["updates"][0]["next"].startswith("2026-01-01T00:45:")


async def test_internal_and_stakeholder_updates_differ_in_words() -> None:
    ward = await ward_with(
        SLOW,
        updates=[
            {"channel": "oncall", "every": "5m", "message": "at ${incident.progress}"},
            {"channel": "managers", "every": "5m", "message": "impact: ${incident.impact}"},
        ],
    )
    ward.edit({"impact": "4 % of customers"})

    await ward.pass_time(timedelta(minutes=6))

    assert (told(ward)[0].text, told(ward, "managers")[0].text) == ("at 1/1", "impact: 4 % of customers")


async def test_what_is_not_known_is_said_to_be_so() -> None:
    ward = await ward_with(SLOW, updates=[{"channel": "oncall", "every": "5m", "message": "ETA ${incident.eta}"}])

    await ward.pass_time(timedelta(minutes=6))

    assert told(ward)[0].text == "ETA (not known)"


async def test_who_was_told_that_it_began_is_told_how_it_ended() -> None:
    ward = await ward_with(step("tell", "notify", {"channel": "oncall", "message": "it began"}))

    await ward.run()
    await ward.look()

    began, ended = told(ward)
    assert (began.text, began.moment) == ("it began", "Open")
    assert ended.text.startswith("Resolved: recovered")
    assert ended.moment == "End"
    assert "kubectl incident report one -n shop" in ended.text


async def test_the_end_of_a_failed_incident_resolves_no_page() -> None:
    ward = await ward_with(
        step("tell", "notify", {"channel": "oncall", "message": "it began"}),
        step("breathe", "wait", {"duration": "1m"}),
        step("check", "httpCheck", {"url": HEALTH}),
    )

    assert (await ward.run())["phase"] == "Failed"
    await ward.look()

    assert told(ward)[-1].text.startswith("Failed")
    assert [notice.moment for notice in told(ward)] == ["Open", "Update"]


async def test_a_channel_that_was_told_in_the_moment_of_the_failure_is_told_of_it_too() -> None:
    ward = await ward_with(
        step("tell", "notify", {"channel": "oncall", "message": "it began"}),
        step("check", "httpCheck", {"url": HEALTH}),
    )

    assert (await ward.run())["phase"] == "Failed"
    await ward.look()

    assert [notice.text.partition(":")[0] for notice in told(ward)] == ["it began", "Failed"]


async def test_who_answers_first_is_told_that_a_person_is_needed_and_how_to_answer() -> None:
    ward = await ward_with(MANUAL, escalation=[level("1h")])

    await ward.run("Waiting")
    await ward.look()

    (notice,) = told(ward)
    assert "Call the payment provider." in notice.text
    assert "kubectl incident done one call -n shop" in notice.text


# --- notify, and what becomes of a message


async def test_a_notify_step_tells_with_the_outputs_of_earlier_steps() -> None:
    text = "${steps.look.outputs.available} of ${steps.look.outputs.desired} Pods, label ${incident.alert.labels.x}"
    ward = await ward_with(
        step("look", "workloadStatus"), step("tell", "notify", {"channel": "oncall", "message": text})
    )

    assert (await ward.run())["phase"] == "Resolved"

    assert told(ward)[0].text == "3 of 3 Pods, label (not known)"
    assert told(ward)[0].thread == ward.get(INCIDENT, "one")["metadata"]["uid"]


async def test_what_a_value_holds_is_never_looked_at_again() -> None:
    ward = await ward_with(
        step("tell", "notify", {"channel": "oncall", "message": "${incident.summary}"}),
        summary="${incident.uid} `rm -rf` <!channel>",
    )

    await ward.run()

    assert told(ward)[0].text == "${incident.uid} `rm -rf` <!channel>"


async def test_the_secret_of_a_channel_is_read_as_the_playbooks_account() -> None:
    ward = await ward_with(step("tell", "notify", {"channel": "oncall", "message": "hello"}))

    await ward.run()

    reads = [item.request.account for item in ward.cluster.log if "/secrets/chat" in item.request.path]
    assert set(reads) == {USER}


async def test_a_channel_that_fails_is_tried_again_and_holds_nothing_up() -> None:
    ward = await ward_with(
        step("tell", "notify", {"channel": "oncall", "message": "hello"}), step("restart", "rollingRestart")
    )
    ward.notifier.answers["json://oncall/"] = Delivery("Failed", "503")

    assert (await ward.run())["phase"] == "Resolved"
    ward.notifier.answers.clear()
    await ward.pass_time(timedelta(minutes=2))

    assert ("tell", "oncall", "Sent") in notices(ward)
    keys = [notice.key for notice in told(ward)]
    assert len(set(keys)) == len(keys)  # each attempt has a key of its own


async def test_a_channel_that_keeps_failing_is_given_up_and_visible() -> None:
    ward = await ward_with(step("tell", "notify", {"channel": "oncall", "message": "hello"}))
    ward.notifier.answers["json://oncall/"] = Delivery("Failed", "503")

    await ward.run()
    await ward.pass_time(timedelta(minutes=20))

    assert len([notice for notice in told(ward) if notice.text == "hello"]) == 5
    assert ("tell", "oncall", "Failed") in notices(ward)
    assert "oncall could not be told (tell): 503" in str(ward.status()["timeline"])
    assert "was not surely told" in ward.status()["review"]


async def test_a_final_refusal_is_not_tried_again() -> None:
    ward = await ward_with(step("tell", "notify", {"channel": "oncall", "message": "hello"}))
    ward.notifier.answers["json://oncall/"] = Delivery("Failed", "401", final=True)

    await ward.run()
    await ward.pass_time(timedelta(minutes=10))

    assert len([notice for notice in told(ward) if notice.text == "hello"]) == 1


async def test_a_message_of_which_nobody_knows_whether_it_arrived_is_not_sent_again() -> None:
    ward = await ward_with(step("tell", "notify", {"channel": "oncall", "message": "hello"}))
    ward.notifier.answers["json://oncall/"] = Delivery("Unknown", "no answer within 10 s")

    await ward.run()
    await ward.pass_time(timedelta(minutes=10))

    assert len([notice for notice in told(ward) if notice.text == "hello"]) == 1
    assert ("tell", "oncall", "Unknown") in notices(ward)


async def test_a_missing_secret_is_named_and_a_secret_that_comes_later_is_used() -> None:
    ward = Ward()
    await ward.open(step("tell", "notify", {"channel": "oncall", "message": "hello"}), rules={"channels": CHANNELS})
    await ward.run()
    await ward.look()
    assert "there is no Secret chat in namespace shop" in ward.status()["notifications"][0]["message"]

    ward.add(chat(oncall="json://oncall/"))
    await ward.pass_time(timedelta(minutes=1))

    assert ("tell", "oncall", "Sent") in notices(ward)


async def test_a_channel_that_the_playbook_does_not_have_is_said_to_be_missing() -> None:
    ward = await ward_with(step("tell", "notify", {"channel": "nobody", "message": "hello"}))

    assert (await ward.run())["phase"] == "Resolved"

    assert "the playbook has no channel nobody" in ward.status()["notifications"][0]["message"]


async def test_a_message_is_sent_at_most_once_whichever_write_the_operator_dies_at() -> None:
    for number in range(1, 6):
        for moment in ("before", "after"):
            ward = Ward()
            ward.add(chat(oncall="json://oncall/"))
            await ward.open(
                step("tell", "notify", {"channel": "oncall", "message": "hello"}),
                step("restart", "rollingRestart"),
                rules={"channels": CHANNELS},
            )
            ward.cluster.fault = StrikeAt(number, moment, Killed)
            assert (await ward.run())["phase"] == "Resolved"
            sent = [notice for notice in told(ward) if notice.text == "hello"]
            assert len(sent) <= 1, (number, moment)


async def test_a_dry_run_tells_nobody() -> None:
    ward = await ward_with(
        step("tell", "notify", {"channel": "oncall", "message": "hello"}), escalation=[level("0s")], mode="DryRun"
    )

    await ward.run()
    await ward.pass_time(timedelta(minutes=1))

    assert ward.notifier.sent == []
    assert "would be done: telling oncall: hello" in ward.step("tell")["message"]


async def test_an_incident_without_channels_costs_no_write_more() -> None:
    ward = Ward()
    await ward.open(step("restart", "rollingRestart"))

    await ward.run()

    assert len([item for item in ward.cluster.writes if item.request.path.endswith("/status")]) <= 4


# --- the pause


def paused(**data: str) -> Object:
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "paramedic-paused", "namespace": HOME},
        "data": data,
    }


async def test_a_paused_operator_begins_nothing_and_says_by_whom() -> None:
    ward = await ward_with(step("restart", "rollingRestart"))
    ward.cluster.add(paused(by="alice", reason="database migration", at="2026-01-01T00:00:00Z"))

    status = await ward.pass_time(timedelta(minutes=5))

    assert status["phase"] == "Pending"
    assert "paused by alice at 2026-01-01T00:00:00Z (database migration)" in status["message"]
    assert "kubectl incident resume" in status["message"]
    assert ward.effects == []


async def test_a_pause_stops_a_run_before_its_next_change() -> None:
    ward = await ward_with(step("breathe", "wait", {"duration": "1m"}), step("restart", "rollingRestart"))
    await ward.look()

    ward.cluster.add(paused(by="alice"))
    await ward.pass_time(timedelta(minutes=5))
    assert ward.effects == []

    ward.cluster.remove(CONFIGMAP, HOME, "paramedic-paused")
    assert (await ward.run())["phase"] == "Resolved"


async def test_a_pause_that_cannot_be_read_counts_as_one() -> None:
    ward = await ward_with(step("restart", "rollingRestart"))
    ward.cluster.deny("", "get", "configmaps")

    status = await ward.pass_time(timedelta(minutes=1))

    assert "whether the operator is paused cannot be read" in status["message"]
    assert ward.effects == []


# --- manual steps that remind


def reminding(**more: Any) -> Object:
    return step("call", "manual", {"instructions": "Call the payment provider."} | more)


def texts(ward: Ward, channel: str = "oncall") -> list[str]:
    return [notice.text.partition("\n")[0] for notice in told(ward, channel)]


async def test_a_manual_step_tells_its_own_channel_and_reminds_it_while_it_waits() -> None:
    ward = await ward_with(reminding(channel="managers", remindEvery="15m"))

    await ward.pass_time(timedelta(minutes=46))

    assert texts(ward, "managers") == [
        "A person is needed: call: Call the payment provider.",
        "Still waiting, for 15m: call: Call the payment provider.",
        "Still waiting, for 30m: call: Call the payment provider.",
        "Still waiting, for 45m: call: Call the payment provider.",
    ]
    assert "kubectl incident done one call -n shop" in told(ward, "managers")[-1].text


async def test_without_a_channel_of_its_own_who_answers_first_is_reminded() -> None:
    ward = await ward_with(reminding(remindEvery="15m"), escalation=[level("12h")])

    await ward.pass_time(timedelta(minutes=16))

    assert texts(ward)[-1] == "Still waiting, for 15m: call: Call the payment provider."


async def test_reminders_end_when_it_is_done() -> None:
    ward = await ward_with(reminding(channel="oncall", remindEvery="15m"))
    await ward.pass_time(timedelta(minutes=16))

    ward.answer("call", "Done")
    await ward.pass_time(timedelta(hours=1))

    assert sum(text.startswith("Still waiting") for text in texts(ward)) == 1


async def test_an_operator_that_was_away_reminds_once_and_keeps_the_beat() -> None:
    ward = await ward_with(reminding(channel="oncall", remindEvery="15m"))
    await ward.run("Waiting")

    ward.start()
    ward.clock.advance(timedelta(minutes=50))
    await ward.pass_time(timedelta(minutes=11))

    assert [text.partition(":")[0] for text in texts(ward)[1:]] == ["Still waiting, for 50m2s", "Still waiting, for 1h"]


@pytest.mark.parametrize("moment", ["before", "after"])
async def test_an_operator_that_is_killed_around_a_reminder_repeats_none(moment: Any) -> None:
    ward = await ward_with(reminding(channel="oncall", remindEvery="15m"))
    await ward.run("Waiting")
    await ward.look()
    ward.clock.advance(timedelta(minutes=15))

    ward.cluster.fault = StrikeAt(1, moment, Killed)
    with pytest.raises(Killed):
        await ward.look()
    ward.start()
    await ward.pass_time(timedelta(minutes=10))

    reminders = [item for item in notices(ward) if item[0] == "Reminder call"]
    assert len(reminders) == 1
    # One that was written down when the operator died may be on its way, and is not sent again.
    assert reminders[0][2] == ("Sent" if moment == "before" else "Unknown")


async def test_at_the_deadline_it_is_escalated_and_the_step_fails() -> None:
    ward = await ward_with(reminding(channel="managers", deadline="2h", message="call ${target.name}'s provider!"))

    status = await ward.run()

    assert status["phase"] == "Failed"
    assert "nobody did it within 2h: Call the payment provider." in status["message"]
    await ward.look()
    assert "call web's provider!" in texts(ward, "managers")
    assert ward.condition("Escalated")["status"] == "True"


async def test_at_the_deadline_the_run_goes_on_where_the_playbook_says_so() -> None:
    ward = await ward_with(reminding(channel="managers", deadline="2h") | {"onFailure": "Continue"})

    status = await ward.run()

    assert ward.states() == {"call": "Failed"}
    assert status["phase"] == "Resolved", status["message"]
