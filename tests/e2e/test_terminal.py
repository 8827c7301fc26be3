"""`kubectl incident` as people use it: on a terminal and in a pipe, with an operator at work on a real API server."""

import json
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from support.kube import Kube, KubectlFailed
from support.objects import deployment, playbook, step, with_image
from support.operator_process import Operator
from support.plugin import environment, plugin
from support.terminal_session import ENTER_ALTERNATE, LEAVE_ALTERNATE, SHOW_CURSOR, TerminalSession
from support.tunnel import Tunnel

pytestmark = pytest.mark.e2e
MEND = step("mend", "rollback", {"whenHealthy": "Proceed"}, approval={"required": True})
ASK = step("ask", "manual", {"instructions": "Ask the payment provider whether they see our calls."})
OPEN = ("open", "slow", "--summary", "it does not answer", "--target", "deploy/web", "--playbook", "mend")
Session = Callable[..., TerminalSession]


@pytest.fixture
def broken(shop: Kube, operator: Operator) -> Kube:
    """The Deployment web, whose second revision is to be rolled back, and the playbook that does it."""
    shop.apply(deployment("web"))
    shop.rolled_out("deployment/web")
    shop.apply(
        with_image(deployment("web"), "localhost/web:v2"), playbook("mend", step("look", "workloadStatus"), MEND, ASK)
    )
    shop.rolled_out("deployment/web")
    return shop


@pytest.fixture
def session(shop: Kube) -> Iterator[Session]:
    """Starts commands on terminals; all end with the test."""
    running: list[TerminalSession] = []

    def start(*arguments: str, rows: int = 24, columns: int = 80, kubeconfig: str = "") -> TerminalSession:
        command = ["kubectl-incident", *arguments, "-n", shop.namespace]
        found = TerminalSession(command, environment(kubeconfig or shop.kubeconfig), rows, columns)
        running.append(found)
        return found

    yield start
    for item in running:
        item.close()


def run(kube: Kube, *arguments: str) -> str:
    done = plugin(*arguments, "-n", kube.namespace, kubeconfig=kube.kubeconfig)
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout.decode()


def test_a_night_in_a_pipe(broken: Kube) -> None:
    assert run(broken, *OPEN) == "incident.paramedic.dev/slow opened\n"
    command = ["kubectl", "incident", "watch", "slow", "-n", broken.namespace]
    watching = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment(broken.kubeconfig))
    broken.incident_in("slow", "Waiting")
    assert run(broken, "ack", "slow") == "incident.paramedic.dev/slow acknowledged\n"
    said = run(broken, "approve", "slow", "mend", "--yes")
    assert "    +      - image: localhost/web:v1" in said
    broken.wait_for("incident", "slow", lambda obj: obj["status"].get("currentStep") == "ask")
    assert (
        run(broken, "done", "slow", "ask", "--note", "they have a fault")
        == "incident.paramedic.dev/slow ask reported done\n"
    )

    told, _ = watching.communicate(timeout=60)
    lines = told.splitlines()
    assert watching.returncode == 0
    assert "\x1b" not in told
    words = [line.partition("Z ")[2] for line in lines]
    for expected in (
        "✔ done    look: Deployment/web: all 3 Pods updated and available",
        '◷ Waiting for approval of "mend"',
        '◷ Waiting for a person to do "ask"',
    ):
        assert expected in words
    assert lines[-1].startswith("✔ Resolved: recovered: every check held for ")
    assert lines[-1] == run(broken, "show", "slow").splitlines()[1]

    assert "they have a fault" in run(broken, "report", "slow")
    assert json.loads(run(broken, "list", "-o", "json"))["items"][0]["metadata"]["name"] == "slow"
    assert run(broken, "undo", "slow", "--list").startswith("✔ can be undone   mend  Deployment/web")
    run(broken, "undo", "slow", "mend", "--reason", "the new one is wanted after all")
    broken.wait_for("deployment", "web", lambda obj: image_of(obj) == "localhost/web:v2")
    assert run(broken, "retry", "slow") == "incident.paramedic.dev/slow-2 opened\n"


def image_of(obj: dict) -> str:  # type: ignore[type-arg]
    return str(obj["spec"]["template"]["spec"]["containers"][0]["image"])


def test_a_night_on_a_terminal(broken: Kube, session: Session) -> None:
    run(broken, *OPEN)
    watching = session("watch", "slow")
    screen = watching.wait_for('◷ Waiting for approval of "mend"')
    assert len(screen) <= 24
    assert all(len(line) <= 80 for line in screen)
    screen = watching.wait_for("3/3 available")
    assert f"Next: kubectl incident approve slow mend -n {broken.namespace}" in screen

    approving = session("approve", "slow")
    approving.wait_for("[y/N]")
    approving.type("y\n")
    assert approving.ends() == 0
    assert "incident.paramedic.dev/slow mend approved" in approving.output

    watching.wait_for('◷ Waiting for a person to do "ask"')
    run(broken, "done", "slow")
    assert watching.ends() == 0
    assert watching.output.count(ENTER_ALTERNATE) == watching.output.count(LEAVE_ALTERNATE) == 1
    left_behind = watching.output.partition(LEAVE_ALTERNATE)[2]
    assert "✔ Resolved" in left_behind
    assert SHOW_CURSOR in watching.output


def test_an_approval_that_is_not_confirmed_changes_nothing(broken: Kube, session: Session) -> None:
    run(broken, *OPEN)
    broken.incident_in("slow", "Waiting")
    approving = session("approve", "slow")
    approving.wait_for("[y/N]")
    approving.type("\n")
    assert approving.ends() == 1
    assert "not approved; nothing was done" in approving.output
    assert broken.get("incident", "slow")["spec"]["approvals"] == []


def test_an_interrupted_watch_gives_the_terminal_back_and_ends_with_130(broken: Kube, session: Session) -> None:
    run(broken, *OPEN)
    watching = session("watch", "slow")
    watching.wait_for("Waiting for approval")
    watching.type("\x03")
    assert watching.ends() == 130
    assert watching.output.count(LEAVE_ALTERNATE) == 1
    assert watching.output.rindex(SHOW_CURSOR) > watching.output.rindex(ENTER_ALTERNATE)
    assert "Traceback" not in watching.output


def test_of_thirty_steps_the_one_that_waits_stays_on_the_screen_whatever_its_size(
    broken: Kube, session: Session
) -> None:
    looks = [step(f"look{n}", "workloadStatus") for n in range(1, 16)]
    more = [step(f"again{n}", "workloadStatus") for n in range(1, 15)]
    broken.apply(playbook("mend", *looks, ASK, *more))
    run(broken, *OPEN)
    broken.incident_in("slow", "Waiting")
    watching = session("watch", "slow")
    for rows, columns in ((24, 80), (15, 60), (40, 120)):
        watching.resize(rows, columns)
        screen = watching.wait_for(lambda lines, rows=rows: len(lines) == rows)  # type: ignore[misc]
        text = "\n".join(screen)
        assert "◷ waiting ask" in text
        assert "Next: kubectl incident done slow ask" in text
        assert all(len(line) <= columns for line in screen)


def test_a_lost_connection_is_said_and_survived(broken: Kube, session: Session, tmp_path: Path) -> None:
    run(broken, *OPEN)
    broken.incident_in("slow", "Waiting")
    tunnel = Tunnel(broken.kubeconfig, tmp_path)
    try:
        watching = session("watch", "slow", kubeconfig=tunnel.kubeconfig())
        watching.wait_for("Waiting for approval")
        tunnel.cut()
        watching.wait_for("? connection lost, trying again")
        run(broken, "reject", "slow", "mend", "--reason", "not now")
        broken.incident_in("slow", "Failed")
        tunnel.join()
        assert watching.ends() == 1
        assert "✖ Failed: step mend failed: rejected by" in watching.text
    finally:
        tunnel.close()


def test_the_exit_code_tells_cancelled_from_timed_out(broken: Kube) -> None:
    run(broken, *OPEN)
    broken.incident_in("slow", "Waiting")
    arguments = ("watch", "slow", "-n", broken.namespace)
    assert plugin(*arguments, "--timeout", "1s", kubeconfig=broken.kubeconfig).returncode == 4
    run(broken, "cancel", "slow", "--reason", "false alarm")
    assert plugin(*arguments, kubeconfig=broken.kubeconfig).returncode == 3


def test_plan_looks_and_writes_nothing(broken: Kube) -> None:
    before = broken.get("deployment", "web")["metadata"]["resourceVersion"]
    said = run(broken, "plan", "--playbook", "mend", "--target", "deployment/web")
    assert "± would change  mend  rolling Deployment/web back from revision 2 to 1" in said
    assert "    -      - image: localhost/web:v2" in said
    assert "✔ may      " in said
    assert "patch deployments.apps" in said
    assert broken.get("deployment", "web")["metadata"]["resourceVersion"] == before
    assert broken.list("incidents") == []


def test_the_change_that_plan_shows_is_the_change_that_is_made(broken: Kube) -> None:
    plan = json.loads(run(broken, "plan", "--playbook", "mend", "--target", "deployment/web", "-o", "json"))
    (change,) = next(item for item in plan["steps"] if item["name"] == "mend")["changes"]
    run(broken, *OPEN)
    broken.incident_in("slow", "Waiting")
    run(broken, "approve", "slow", "--yes")
    broken.wait_for("incident", "slow", lambda obj: obj["status"].get("currentStep") == "ask")
    made = broken.get("deployment", "web")
    assert made["spec"] == change["after"]["spec"]


def test_what_a_user_may_not_do_is_said_with_the_role_that_may(broken: Kube) -> None:
    done = plugin("show", "slow", "-n", broken.namespace, "--as", "nobody", kubeconfig=broken.kubeconfig)
    assert done.returncode == 1
    assert done.stderr.decode() == (
        'Error: user nobody may not "get incidents.paramedic.dev"; it takes the ClusterRole paramedic-viewer, bound in that'
        " namespace\n"
    )


def test_an_answer_is_refused_when_the_plan_is_another_by_then(broken: Kube) -> None:
    run(broken, *OPEN)
    broken.incident_in("slow", "Waiting")
    patch = [{"op": "test", "path": "/status/plan/hash", "value": "another"}]
    with pytest.raises(KubectlFailed, match="error in our request"):
        broken.run("patch", "incident", "slow", "--type=json", "-p", json.dumps(patch))


def test_kubectl_completes_names_and_steps(broken: Kube) -> None:
    run(broken, *OPEN)
    broken.incident_in("slow", "Waiting")

    def offered(*words: str) -> list[str]:
        command = ["kubectl", "__complete", "incident", *words]
        done = subprocess.run(
            command, capture_output=True, text=True, check=False, env=environment(broken.kubeconfig), timeout=30
        )
        return [line.partition("\t")[0] for line in done.stdout.splitlines()]

    assert "slow" in offered("show", "-n", broken.namespace, "sl")
    assert "mend" in offered("approve", "-n", broken.namespace, "slow", "")
