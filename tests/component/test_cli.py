"""`kubectl incident`: what each command writes, says and refuses."""

import asyncio
import json
from pathlib import Path

import pytest
import yaml

from component.builders import HOME, Ward
from component.terminal import Terminal
from paramedic.actions.reads import HttpAnswer
from paramedic.cluster.fake_paths import Address
from paramedic.model.references import CONFIGMAP, INCIDENT, LEASE
from paramedic.playbooks import PlaybookReviewer
from support.objects import playbook, step

MANUAL = step("ask", "manual", {"instructions": "Ask the provider."})
APPROVED = step("mend", "rollback", {"whenHealthy": "Proceed"}, approval={"required": True})


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Terminal:
    return Terminal(Ward(), monkeypatch)


def opened(terminal: Terminal, *steps: object, until: str = "Waiting", **rules: object) -> Terminal:
    """An incident `one` about the Deployment web, taken as far as this phase."""
    terminal.ward.add(playbook("mend", *steps, **rules))  # type: ignore[arg-type]
    terminal.says("open", "one", "--summary", "it is slow", "--target", "deploy/web", "--playbook", "mend")
    asyncio.run(terminal.ward.run(until))
    return terminal


# --- open and retry


def test_open_writes_the_incident_that_its_flags_say(terminal: Terminal) -> None:
    said = terminal.says(
        "open", "one", "--summary", "it is slow", "--target", "statefulset/db", "--playbook", "mend", "--severity", "critical",
        "--param", "url=http://x/?a=b", "--param", "count=3", "--impact", "all customers", "--dry-run",
    )  # fmt: skip
    assert said == "incident.paramedic.dev/one opened\n"
    assert terminal.spec() == {
        "summary": "it is slow",
        "targetRef": {"apiVersion": "apps/v1", "kind": "StatefulSet", "name": "db"},
        "playbookRef": {"kind": "Playbook", "name": "mend"},
        "severity": "Critical",
        "parameters": {"url": "http://x/?a=b", "count": "3"},
        "impact": "all customers",
        "mode": "DryRun",
        "openedBy": "alice",
        "approvals": [],
        "notes": [],
        "undo": [],
    }


def test_open_takes_an_incident_from_a_file_or_from_standard_input(terminal: Terminal, tmp_path: Path) -> None:
    body = {
        "kind": "Incident",
        "apiVersion": "paramedic.dev/v1alpha1",
        "metadata": {"name": "one"},
        "spec": {"summary": "slow"},
    }
    (tmp_path / "one.yaml").write_text(yaml.safe_dump(body))
    assert terminal.says("open", "-f", str(tmp_path / "one.yaml"), "-o", "name") == "incident.paramedic.dev/one\n"
    body["metadata"] = {"name": "two"}
    terminal.says("open", "-f", "-", stdin=json.dumps(body))
    assert terminal.spec("two")["summary"] == "slow"


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (("open", "one"), "say what is wrong, as users notice it: --summary 'Checkout answers 502'"),
        (
            ("open", "--summary", "x", "--target", "web"),
            "Invalid value for '--target': 'web' is not KIND/NAME; write one such as deployment/checkout (deployment,"
            " statefulset, daemonset, replicaset, pod, node)",
        ),
        (("open", "--summary", "x", "--param", "url"), "Invalid value for '--param': 'url' is not KEY=VALUE"),
        (("open", "-f", "/nowhere", "one"), "with -f, the file says everything; leave the other flags and NAME out"),
        (("open", "-f", "/nowhere"), "/nowhere cannot be read: [Errno 2] No such file or directory: '/nowhere'"),
        (("undo", "one"), "name the STEP to take back, or see which there are: --list"),
        (("undo", "one", "mend"), "say why: --reason 'WHY'"),
        (("cancel", "one"), "Missing option '--reason'."),
        (("show", "pod/one"), "Invalid value for 'NAME': 'pod/one' is no incident"),
        (("plan", "--target", "deploy/web"), "name the playbook with --playbook NAME, or give its file with -f FILE"),
        (
            ("plan", "--target", "deploy/web", "--playbook", "x", "--assume", "verify=Maybe"),
            "--assume verify=Maybe: write verify=Succeeded or verify=Failed",
        ),
        (("check", "mend", "--offline"), "--offline is for the text of a file: -f FILE, without --rbac"),
        (("check",), "name a PLAYBOOK, or give its file with -f FILE"),
        (("watch", "one", "--timeout", "soon"), "Invalid value for '--timeout': 'soon' is not a duration; write hours,"
         " minutes and seconds such as 90s, 10m or 1h30m"),
    ],
)  # fmt: skip
def test_a_mistake_in_the_flags_is_refused_with_the_mend_and_exit_code_2(
    terminal: Terminal, arguments: tuple[str, ...], text: str
) -> None:
    assert terminal.refuses(*arguments, code=2) == text


def test_a_file_that_holds_something_else_is_refused(terminal: Terminal, tmp_path: Path) -> None:
    (tmp_path / "two.yaml").write_text("a: 1\n---\nb: 2\n")
    (tmp_path / "pod.yaml").write_text("kind: Pod\n")
    assert terminal.refuses("open", "-f", str(tmp_path / "two.yaml"), code=2).endswith("holds 2 objects; one is wanted")
    assert terminal.refuses("open", "-f", str(tmp_path / "pod.yaml"), code=2).endswith(
        "holds no Incident; open other objects with kubectl apply"
    )


def test_retry_opens_the_same_again_without_what_people_wrote(terminal: Terminal) -> None:
    opened(terminal, step("look", "workloadStatus"), until="Resolved")
    for arguments in (["ack", "one"], ["note", "one", "hm"], ["impact", "one", "nobody"], ["retry", "one"]):
        said = terminal.says(*arguments)
    assert said == "incident.paramedic.dev/one-2 opened\n"
    again = terminal.ward.get(INCIDENT, "one-2")
    assert again["metadata"]["annotations"] == {"paramedic.dev/retry-of": "one"}
    assert again["spec"] == {
        "summary": "it is slow",
        "targetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"},
        "playbookRef": {"kind": "Playbook", "name": "mend"},
        "openedBy": "alice", "approvals": [], "notes": [], "undo": [],
    }  # fmt: skip


def test_each_retry_has_the_next_free_number(terminal: Terminal) -> None:
    opened(terminal, step("look", "workloadStatus"), until="Resolved")
    terminal.says("retry", "one")
    assert terminal.says("retry", "one") == "incident.paramedic.dev/one-3 opened\n"
    asyncio.run(terminal.ward.run("Resolved", name="one-2"))
    assert terminal.says("retry", "one-2") == "incident.paramedic.dev/one-4 opened\n"


def test_an_incident_that_has_not_ended_is_not_tried_again(terminal: Terminal) -> None:
    opened(terminal, MANUAL)
    assert terminal.refuses("retry", "one") == "incident one has not ended (Waiting); cancel it first, or let it go on"


# --- look


def test_show_prints_the_object_as_json_yaml_or_name(terminal: Terminal) -> None:
    opened(terminal, MANUAL)
    stored = terminal.ward.get(INCIDENT, "one")
    assert terminal.json("show", "one") == stored
    assert yaml.safe_load(terminal.says("show", "incident/one", "-o", "yaml")) == stored
    assert terminal.says("show", "one", "-o", "name") == "incident.paramedic.dev/one\n"


def test_show_says_what_is_waited_for_and_the_numbers_of_the_workload(terminal: Terminal) -> None:
    said = opened(terminal, MANUAL).says("show", "one")
    assert '◷ Waiting for a person to do "ask"' in said
    assert "Target   Deployment/web  3/3 available" in said
    assert "Next: kubectl incident done one ask -n shop" in said


def test_list_prints_a_list_or_names(terminal: Terminal) -> None:
    opened(terminal, MANUAL)
    terminal.says("open", "two", "--summary", "x")
    assert {item["metadata"]["name"] for item in terminal.json("list", "--all")["items"]} == {"one", "two"}
    assert terminal.says("list", "-A", "--all", "-o", "name").split() == [
        "incident.paramedic.dev/one", "incident.paramedic.dev/two",
    ]  # fmt: skip
    assert terminal.says("list", "-A").splitlines()[0].startswith("NAMESPACE   NAME   SEVERITY   PHASE")


def test_no_incidents_are_said_on_standard_error(terminal: Terminal) -> None:
    done = terminal.run("list")
    assert (done.exit_code, done.stdout, done.stderr) == (0, "", "No incidents in shop namespace.\n")


def test_what_is_not_there_is_said_with_how_to_find_others(terminal: Terminal) -> None:
    for command in (["show"], ["ack"], ["watch"], ["report"], ["evidence"], ["approve"], ["cancel", "--reason", "x"]):
        said = terminal.refuses(command[0], "ghost", *command[1:])
        assert said == "there is no Incident/ghost in namespace shop; list them: kubectl incident list -A"


def test_a_right_that_is_missing_is_named_with_the_role_that_has_it(terminal: Terminal) -> None:
    opened(terminal, MANUAL)
    terminal.ward.cluster.deny("alice", "get", "incidents.paramedic.dev")
    assert terminal.refuses("show", "one") == (
        'user alice may not "get incidents.paramedic.dev"; it takes the ClusterRole paramedic-viewer, bound in that namespace'
    )
    terminal.ward.cluster.allow_all()
    terminal.ward.cluster.deny("alice", "patch", "incidents.paramedic.dev")
    assert terminal.refuses("ack", "one") == (
        'user alice may not "patch incidents.paramedic.dev"; it takes the ClusterRole paramedic-responder, or'
        " paramedic-approver to answer waiting steps, bound in that namespace"
    )


def test_commands_can_be_given_as_somebody_else(terminal: Terminal) -> None:
    opened(terminal, MANUAL)
    terminal.says("ack", "one", "--as", "bob")
    assert terminal.spec()["acknowledgedBy"] == "bob"


def test_watch_without_a_terminal_ends_with_the_sentence_that_show_begins_with(terminal: Terminal) -> None:
    opened(terminal, step("look", "workloadStatus"), until="Resolved")
    said = terminal.says("watch", "one").splitlines()
    assert said[-1] == "✔ Resolved: recovered: every check held for 1s"
    assert said[-1] == terminal.says("show", "one").splitlines()[1]


@pytest.mark.parametrize(("phase", "code"), [("Failed", 1), ("Cancelled", 3)])
def test_the_exit_code_of_watch_tells_how_it_ended(terminal: Terminal, phase: str, code: int) -> None:
    opened(terminal, MANUAL)
    if phase == "Failed":
        terminal.says("reject", "one", "ask", "--reason", "cannot")
    else:
        terminal.says("cancel", "one", "--reason", "false alarm")
    asyncio.run(terminal.ward.run(phase))
    assert terminal.run("watch", "one").exit_code == code


def test_watch_gives_up_after_its_timeout(terminal: Terminal) -> None:
    opened(terminal, MANUAL)
    said = terminal.refuses("watch", "one", "--timeout", "1s", code=4)
    assert said == "incident one has not ended in time; it goes on"


# --- people


def test_ack_is_written_once_and_said_the_second_time(terminal: Terminal) -> None:
    opened(terminal, MANUAL)
    assert terminal.says("ack", "one") == "incident.paramedic.dev/one acknowledged\n"
    assert terminal.spec()["acknowledgedBy"] == "alice"
    assert terminal.says("ack", "one") == "incident.paramedic.dev/one is acknowledged by alice already\n"


def test_lead_note_and_impact_are_written(terminal: Terminal) -> None:
    opened(terminal, MANUAL)
    assert terminal.says("lead", "one", "bob") == "incident.paramedic.dev/one led by bob\n"
    assert terminal.says("lead", "one", "bob") == "incident.paramedic.dev/one is led by bob already\n"
    terminal.says("note", "one", "the provider has a fault")
    terminal.says("note", "one", "they are mending it", "--by", "bob")
    terminal.says("impact", "one", "12 % of orders")
    spec = terminal.spec()
    assert (spec["lead"], spec["impact"]) == ("bob", "12 % of orders")
    assert spec["notes"] == [
        {"by": "alice", "text": "the provider has a fault"}, {"by": "bob", "text": "they are mending it"},
    ]  # fmt: skip


def test_a_write_that_meets_another_is_tried_again(terminal: Terminal) -> None:
    opened(terminal, MANUAL)
    terminal.person.conflicts = 3
    terminal.says("ack", "one")
    terminal.person.conflicts = 30
    assert terminal.refuses("note", "one", "x") == "Incident/one changes too often to be written; try again"


def test_cancel_is_said_when_it_is_done_already_and_refused_when_the_incident_has_ended(terminal: Terminal) -> None:
    opened(terminal, MANUAL)
    assert terminal.says("cancel", "one", "--reason", "false alarm") == "incident.paramedic.dev/one cancelled\n"
    assert terminal.spec()["cancel"] == {"by": "alice", "reason": "false alarm"}
    assert terminal.says("cancel", "one", "--reason", "again") == (
        "incident.paramedic.dev/one is cancelled by alice already: false alarm\n"
    )


# --- answers


def test_approve_shows_the_change_and_binds_the_answer_to_the_plan(terminal: Terminal) -> None:
    opened(terminal, APPROVED)
    said = terminal.says("approve", "one", "mend", "--yes", "--note", "seen it")
    assert "± would change  mend  rolling Deployment/web back from revision 2 to 1 (web:v1)" in said
    assert "  └ Pods     3 Pods replaced, at most 0 down at a time" in said
    assert "    -      - image: web:v2" in said
    assert "    +      - image: web:v1" in said
    assert said.endswith("incident.paramedic.dev/one mend approved\n")
    plan = terminal.ward.status()["plan"]["hash"]
    assert terminal.spec()["approvals"] == [
        {"step": "mend", "decision": "Approve", "by": "alice", "planHash": plan, "note": "seen it"}
    ]
    asyncio.run(terminal.ward.run("Resolved"))
    assert terminal.ward.image_of() == "web:v1"


def test_the_step_may_be_left_out_where_one_waits(terminal: Terminal) -> None:
    opened(terminal, APPROVED)
    terminal.says("approve", "one", "--yes")
    assert terminal.says("approve", "one", "mend", "--yes") == (
        "incident.paramedic.dev/one has the answer Approve of alice for mend already\n"
    )


def test_without_a_terminal_nothing_is_approved_unless_yes_is_said(terminal: Terminal) -> None:
    opened(terminal, APPROVED)
    assert terminal.refuses("approve", "one", code=2) == (
        "there is no terminal to ask on; look at the change above, then add --yes"
    )
    assert terminal.spec()["approvals"] == []


def test_a_change_that_is_not_the_proposed_one_any_more_is_not_approved(terminal: Terminal) -> None:
    opened(terminal, APPROVED)
    terminal.ward.deploy("web:v3")
    said = terminal.refuses("approve", "one", "--yes")
    assert said.startswith(
        "the change is not the one that was proposed: rolling Deployment/web back from revision 3 to 2"
    )
    assert terminal.spec()["approvals"] == []


def test_a_plan_that_is_replaced_between_look_and_answer_is_not_approved(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened(terminal, APPROVED)

    def meanwhile(question: str, yes: bool) -> None:
        stored = terminal.ward.get(INCIDENT, "one")
        stored["status"]["plan"]["hash"] = "f" * 64
        terminal.ward.cluster.store.update(Address(INCIDENT, "shop", "one", "status"), stored)

    monkeypatch.setattr("paramedic.cli.answers._ask", meanwhile)
    assert terminal.refuses("approve", "one") == (
        "incident one: what you saw is not what would be done any more; look again, then answer"
    )
    assert terminal.spec()["approvals"] == []


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (("approve", "one", "ask"), "step ask is for a person to do; report it: kubectl incident done"),
        (("approve", "one", "later"), "step later does not wait for an answer: it is Pending"),
        (("done", "one", "ghost"), "incident one has no step ghost; its steps are: ask, later"),
        (("reject", "one", "later", "--reason", "x"), "step later does not wait for an answer: it is Pending"),
    ],
)
def test_an_answer_that_nobody_waits_for_is_refused(terminal: Terminal, arguments: tuple[str, ...], text: str) -> None:
    opened(terminal, MANUAL, step("later", "workloadStatus"))
    assert terminal.refuses(*arguments) == text


def test_a_step_that_waits_for_approval_is_not_done_by_a_person(terminal: Terminal) -> None:
    opened(terminal, APPROVED)
    assert terminal.refuses("done", "one", "mend") == "step mend waits for an approval: kubectl incident approve"


def test_nothing_is_approved_once_the_incident_has_ended(terminal: Terminal) -> None:
    opened(terminal, step("look", "workloadStatus"), until="Resolved")
    assert terminal.refuses("approve", "one") == "incident one has ended (Resolved); no step waits for an answer"
    assert terminal.refuses("done", "one", "look") == "incident one has ended (Resolved); look is Succeeded"


def test_a_manual_step_is_reported_done_and_the_run_goes_on(terminal: Terminal) -> None:
    opened(terminal, MANUAL)
    assert terminal.says("done", "one", "--note", "restored it") == "incident.paramedic.dev/one reported done\n"
    asyncio.run(terminal.ward.run("Resolved"))
    assert terminal.ward.step("ask")["outputs"] == {"by": "alice", "note": "restored it"}


def test_a_rejected_change_is_not_made(terminal: Terminal) -> None:
    opened(terminal, APPROVED)
    assert terminal.says("reject", "one", "mend", "--reason", "not now") == "incident.paramedic.dev/one mend rejected\n"
    asyncio.run(terminal.ward.run("Failed"))
    assert terminal.ward.image_of() == "web:v2"
    assert terminal.ward.step("mend")["message"] == "rejected by alice: not now"


# --- undo


def test_a_change_is_listed_and_taken_back(terminal: Terminal) -> None:
    opened(terminal, step("mend", "rollback", {"whenHealthy": "Proceed"}), until="Resolved")
    said = terminal.says("undo", "one", "--list")
    assert said.startswith("✔ can be undone   mend  Deployment/web  ")
    assert said.endswith("Next: kubectl incident undo one mend --reason 'WHY' -n shop\n")
    assert terminal.says("undo", "one", "mend", "--reason", "wrong") == (
        "incident.paramedic.dev/one undo of mend asked for\n"
    )
    asyncio.run(terminal.ward.look())
    asyncio.run(terminal.ward.look())
    assert terminal.ward.image_of() == "web:v2"
    assert terminal.says("undo", "one", "mend", "--reason", "again").startswith(
        "incident.paramedic.dev/one has taken mend back already: "
    )
    assert terminal.says("undo", "one", "--list").startswith("↶ taken back")


def test_what_has_no_way_back_is_refused(terminal: Terminal) -> None:
    opened(terminal, step("look", "workloadStatus"), until="Resolved")
    assert terminal.refuses("undo", "one", "look", "--reason", "x").startswith("workloadStatus cannot be taken back")
    assert terminal.says("undo", "one", "--list") == "Incident one has changed nothing.\n"


# --- pause


def test_pause_says_by_whom_and_resume_lifts_it(terminal: Terminal) -> None:
    terminal.ward.cluster.add(
        {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": {"name": "paramedic", "namespace": "ops"}}
    )
    assert terminal.says("resume") == "the operator in namespace ops is not paused\n"
    assert terminal.says("pause", "--reason", "freeze") == "the operator in namespace ops paused\n"
    data = terminal.ward.cluster.all(CONFIGMAP, "ops")[0]["data"]
    assert (data["by"], data["reason"]) == ("alice", "freeze")
    assert terminal.says("pause", "--reason", "again", "--by", "bob") == (
        f"the operator in namespace ops is paused already by alice since {data['at']}: freeze\n"
    )
    assert terminal.says("resume") == (
        f"the operator in namespace ops resumed; it was paused by alice since {data['at']}: freeze\n"
    )
    assert terminal.ward.cluster.all(CONFIGMAP, "ops") == []


def test_where_no_lease_may_be_seen_the_usual_namespace_is_taken(terminal: Terminal) -> None:
    terminal.ward.cluster.deny("alice", "list", "leases.coordination.k8s.io")
    assert terminal.says("pause", "--reason", "x") == "the operator in namespace paramedic-system paused\n"
    assert terminal.says("resume", "--operator-namespace", "other") == "the operator in namespace other is not paused\n"


def test_of_two_operators_one_must_be_named(terminal: Terminal) -> None:
    for namespace in ("a", "b"):
        terminal.ward.cluster.add(
            {
                "apiVersion": LEASE.api_version,
                "kind": "Lease",
                "metadata": {"name": "paramedic", "namespace": namespace},
            }
        )
    assert (
        terminal.refuses("pause", "--reason", "x") == "there are operators in a, b; name one with --operator-namespace"
    )


def test_the_operator_obeys_the_pause_that_the_command_writes(terminal: Terminal) -> None:
    terminal.says("pause", "--reason", "freeze", "--operator-namespace", HOME)
    terminal.ward.add(playbook("mend", step("mend", "rollback", {"whenHealthy": "Proceed"})))
    terminal.says("open", "one", "--summary", "slow", "--target", "deploy/web", "--playbook", "mend")
    asyncio.run(terminal.ward.look())
    assert "the operator was paused by alice" in terminal.says("show", "one")
    terminal.says("resume", "--operator-namespace", HOME)
    asyncio.run(terminal.ward.run("Resolved"))


# --- plan and check

PLAN = ("plan", "--playbook", "mend", "--target", "deploy/web")


def test_plan_shows_each_step_and_object_and_changes_nothing(terminal: Terminal) -> None:
    terminal.ward.add(playbook("mend", step("look", "workloadStatus"), APPROVED, MANUAL))
    before = len(terminal.ward.cluster.writes)
    said = terminal.says(*PLAN)
    assert said.startswith("✔ Plan ")
    assert "1 object would change; a person must approve mend. Nothing was changed." in said
    assert "✔ passes now    look  Deployment/web: all 3 Pods updated and available" in said
    assert "± would change  mend  rolling Deployment/web back from revision 2 to 1" in said
    assert "  ├ approval the playbook wants an approval" in said
    assert "◷ would wait    ask   Ask the provider." in said
    assert "✔ may      get deployments.apps, list pods, list replicasets.apps, patch deployments.apps" in said
    assert len(terminal.ward.cluster.writes) == before


def test_plan_as_json_holds_each_object_before_and_after(terminal: Terminal) -> None:
    terminal.ward.add(playbook("mend", APPROVED))
    plan = terminal.json(*PLAN)
    (change,) = plan["steps"][0]["changes"]
    images = [change[side]["spec"]["template"]["spec"]["containers"][0]["image"] for side in ("before", "after")]
    assert images == ["web:v2", "web:v1"]
    assert {item["allowed"] for item in plan["permissions"]} == {"Yes"}
    assert plan["problem"] == ""


def test_plan_names_a_permission_that_the_account_lacks(terminal: Terminal) -> None:
    terminal.ward.add(playbook("mend", APPROVED))
    terminal.ward.cluster.deny("system:serviceaccount:shop:responder", "patch", "deployments.apps")
    done = terminal.run(*PLAN)
    assert done.exit_code == 1
    assert done.stdout.startswith("✖ Would fail: the account may not patch deployments.apps")
    assert "✖ may not  patch deployments.apps (for mend)" in done.stdout


def test_plan_says_unknown_where_the_caller_may_not_ask_what_the_account_may(terminal: Terminal) -> None:
    terminal.ward.add(playbook("mend", APPROVED))
    terminal.person.may_ask_about_others = False
    said = terminal.says(*PLAN)
    assert "? unknown  get deployments.apps, list pods, list replicasets.apps, patch deployments.apps" in said


def test_plan_says_why_there_can_be_none(terminal: Terminal) -> None:
    done = terminal.run(*PLAN)
    assert done.exit_code == 1
    assert done.stdout.startswith("✖ No plan: there is no playbook mend in namespace shop")
    terminal.ward.add(playbook("mend", APPROVED))
    done = terminal.run("plan", "--playbook", "mend", "--target", "deploy/ghost")
    assert done.stdout.startswith("✖ No plan: there is no Deployment/ghost in namespace shop")


def test_plan_takes_a_playbook_that_is_not_in_the_cluster(terminal: Terminal, tmp_path: Path) -> None:
    (tmp_path / "new.yaml").write_text(yaml.safe_dump(playbook("new", APPROVED)))
    assert "± would change  mend" in terminal.says("plan", "-f", str(tmp_path / "new.yaml"), "--target", "deploy/web")


def test_plan_says_which_incident_is_at_work_on_the_target(terminal: Terminal) -> None:
    opened(terminal, MANUAL)
    assert "◷ guard  incident one works on Deployment/web now; this one would wait for it" in terminal.says(*PLAN)


CHECKED = (
    step("verify", "httpCheck", {"url": "http://web.shop/healthz"}, onFailure="Continue"),
    step("mend", "rollback", {"whenHealthy": "Proceed"}, if_="steps.verify.failed"),
)


def test_a_check_that_this_machine_cannot_reach_is_unknown_and_can_be_assumed(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("paramedic.cluster.caller.HttpChecker", lambda: terminal.ward.http)
    terminal.ward.add(playbook("mend", *CHECKED))
    said = terminal.says(*PLAN)
    assert "? unknown       verify" in said
    assert "± would change  mend" in said
    said = terminal.says(*PLAN, "--assume", "verify=Succeeded")
    assert "✔ passes now    verify  as you assume" in said
    assert "– skipped       mend    not needed: steps.verify.failed is false" in said


def test_check_finds_what_is_wrong_with_a_text_without_a_cluster(terminal: Terminal, tmp_path: Path) -> None:
    good, bad = tmp_path / "good.yaml", tmp_path / "bad.yaml"
    good.write_text(yaml.safe_dump(playbook("mend", APPROVED)))
    bad.write_text(yaml.safe_dump(playbook("mend", step("mend", "rollback", {"toRevision": 0}))))
    assert terminal.says("check", "-f", str(good), "--offline") == (
        "✔ Playbook mend is well written; the cluster was not looked at\n"
    )
    done = terminal.run("check", "-f", str(bad), "--offline")
    assert done.exit_code == 1
    assert done.stdout.startswith("✖ Playbook mend cannot be used\n✖ error    spec.steps[0].rollback.toRevision: ")


def test_check_looks_at_the_account_and_its_permissions(terminal: Terminal) -> None:
    terminal.ward.add(playbook("mend", APPROVED))
    assert terminal.says("check", "mend").startswith("✔ Ready: playbook mend: 1 step as responder, ")


def test_check_names_what_is_missing_and_prints_the_rbac_that_grants_it(terminal: Terminal) -> None:
    terminal.ward.add(playbook("mend", APPROVED))
    terminal.ward.cluster.deny("system:serviceaccount:shop:responder", "list", "pods")
    done = terminal.run("check", "mend")
    assert done.exit_code == 1
    assert done.stdout.startswith("✖ Not ready: playbook mend: MissingPermission\n✖ error    spec.serviceAccountName: ")
    manifests = list(yaml.safe_load_all(done.stdout.partition("This would grant what is missing:\n")[2]))
    assert {"apiGroups": [""], "resources": ["pods"], "verbs": ["list"]} in manifests[0]["rules"]


def test_check_says_that_the_account_is_not_there(terminal: Terminal, tmp_path: Path) -> None:
    (tmp_path / "new.yaml").write_text(yaml.safe_dump(playbook("new", APPROVED, account="ghost")))
    done = terminal.run("check", "-f", str(tmp_path / "new.yaml"))
    assert done.exit_code == 1
    assert done.stdout.startswith("✖ Not ready: playbook new: AccountNotFound")


def test_the_rbac_that_a_playbook_needs_is_printed_alone_to_be_kept_in_git(terminal: Terminal) -> None:
    terminal.ward.add(playbook("mend", APPROVED))
    kinds = [item["kind"] for item in yaml.safe_load_all(terminal.says("check", "mend", "--rbac"))]
    assert kinds[:3] == ["ServiceAccount", "Role", "RoleBinding"]


def test_a_playbook_that_is_not_there_is_said(terminal: Terminal) -> None:
    assert terminal.refuses("check", "ghost") == (
        "there is no Playbook/ghost in namespace shop; list them: kubectl get playbooks -A"
    )


def test_check_passes_on_what_the_operator_alone_can_know(terminal: Terminal) -> None:
    terminal.ward.add(playbook("mend", APPROVED))
    terminal.ward.cluster.deny("", "impersonate", "serviceaccounts")
    terminal.ward.cluster.deny("", "impersonate-on:serviceaccount:list", "pods")
    asyncio.run(PlaybookReviewer(terminal.ward.api, terminal.ward.clock).review("shop", "mend"))
    done = terminal.run("check", "mend")
    assert done.exit_code == 1
    assert "the operator says: spec.serviceAccountName: the operator may not" in done.stdout
    assert "paramedic-acts-within-actions" in done.stdout


def test_check_passes_on_where_the_operator_may_not_send(terminal: Terminal) -> None:
    terminal.ward.add(playbook("mend", SEND))
    assert "only the operator knows whether an admin allowed it to send there" in terminal.says("check", "mend")
    asyncio.run(PlaybookReviewer(terminal.ward.api, terminal.ward.clock).review("shop", "mend"))
    done = terminal.run("check", "mend")
    assert done.exit_code == 1
    assert "the operator says: spec.steps[0].http.url: the operator may not send to" in " ".join(done.stdout.split())


# --- outcomes that nobody can know

SEND = step("call", "http", {"url": "https://api.example.com/v1", "body": {"a": 1}})


def unanswered(terminal: Terminal, *steps: object) -> Terminal:
    """An incident whose request was taken by an endpoint that did not answer."""
    terminal.ward.http.allow("https://api.example.com")
    terminal.ward.http.answers["https://api.example.com/v1"] = HttpAnswer(0, 10.0, error="no answer within 10 s")
    return opened(terminal, *(steps or (SEND,)))


def test_an_outcome_that_is_not_known_is_shown_with_the_three_answers(terminal: Terminal) -> None:
    said = unanswered(terminal).says("show", "one")
    assert 'Waiting for a person to find out whether "call" was done' in said
    assert "kubectl incident done one call -n shop" in said
    assert "kubectl incident approve one call -n shop" in said


def test_who_knows_that_it_was_received_says_done(terminal: Terminal) -> None:
    unanswered(terminal).says("done", "one", "--note", "it is in their log")
    asyncio.run(terminal.ward.look())
    assert terminal.ward.step("call")["message"] == "done, says alice: it is in their log"


def test_approving_sends_it_again(terminal: Terminal) -> None:
    unanswered(terminal)
    terminal.ward.http.set("https://api.example.com/v1", 200)
    said = terminal.says("approve", "one", "--yes")
    assert "call is sent again if you approve" in said and "send Request/POST https://api.example.com/v1" in said
    asyncio.run(terminal.ward.look())
    assert len(terminal.ward.http.sent) == 2


def test_who_has_answered_the_step_before_cannot_answer_again(terminal: Terminal) -> None:
    opened_ = unanswered(terminal, SEND | {"approval": {"required": True}})
    opened_.says("approve", "one", "--yes")
    asyncio.run(terminal.ward.run("Waiting"))
    asyncio.run(terminal.ward.look())
    refused = terminal.refuses("done", "one")
    assert (
        "alice has answered step call before, and answers stay as they are: another person must answer now" in refused
    )
