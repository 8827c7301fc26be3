"""From the alert to the people, on a real API server: matching, linking, escalation, messages, undo, pause."""

import base64
import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from support.alerts import Sender, alert, resolved
from support.kube import Kube
from support.objects import Object, deployment, playbook, step, with_image
from support.operator_process import Operator, free_port

pytestmark = pytest.mark.e2e
RESTART = step("restart", "rollingRestart")


class Hook:
    """A webhook on loopback that keeps what it is sent."""

    def __init__(self) -> None:
        received: list[Object] = []

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                received.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
                self.send_response(204)
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None:
                """Says nothing."""

        self.received = received
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    @property
    def secret(self) -> Object:
        url = f"json://127.0.0.1:{self._server.server_port}/"
        data = {"url": base64.b64encode(url.encode()).decode()}
        return {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "hook"}, "data": data}

    @property
    def texts(self) -> list[str]:
        return [str(item["message"]) for item in self.received]

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(5)


@pytest.fixture
def hook() -> Iterator[Hook]:
    found = Hook()
    yield found
    found.close()


@pytest.fixture
def sender(shop: Kube, start_operator: Callable[..., Operator]) -> Sender:
    """An operator that receives alerts, and a workload `web` that alerts are about."""
    port = free_port()
    shop.apply(deployment("web"))
    shop.rolled_out("deployment/web")
    start_operator(shop, f"--receiver=127.0.0.1:{port}")
    return Sender(port)


def down(shop: Kube, number: int = 1, build: Callable[..., Object] = alert) -> Object:
    return build(labels={"namespace": shop.namespace, "deployment": "web", "number": str(number)})


def answers(name: str, *steps: Object, **spec: Any) -> Object:
    return playbook(name, *steps, match={"alertNames": ["InstanceDown"]}, **spec)


def opened(shop: Kube, sender: Sender, *alerts: Object) -> list[str]:
    """The names of the incidents that these alerts opened, in their order."""
    names = []
    for item in alerts:
        before = {found["metadata"]["name"] for found in shop.list("incidents")}
        assert sender.results(item) == ["Created"]
        names += [
            found["metadata"]["name"] for found in shop.list("incidents") if found["metadata"]["name"] not in before
        ]
    return names


def test_an_alert_is_answered_by_the_playbook_that_matches_and_heals(shop: Kube, sender: Sender) -> None:
    shop.apply(answers("downtime", RESTART), playbook("other", RESTART, match={"alertNames": ["Other"]}))

    (name,) = opened(shop, sender, down(shop))

    found = shop.incident_in(name, "Resolved", "Failed")
    assert found["status"]["phase"] == "Resolved", found["status"]["message"]
    assert found["status"]["playbook"]["name"] == "downtime"
    assert "it matches alert InstanceDown" in found["status"]["playbook"]["reason"]
    assert shop.get("deployment", "web")["metadata"]["generation"] == 2
    assert "downtime" in shop.run("get", "incidents")


def test_two_alerts_on_one_workload_are_one_remediation(shop: Kube, sender: Sender) -> None:
    shop.apply(answers("downtime", step("breathe", "wait", {"duration": "3s"}), RESTART))

    first, second = opened(shop, sender, down(shop, 1), down(shop, 2))

    linked = shop.wait_for("incident", second, lambda obj: obj.get("status", {}).get("linkedTo"))
    assert linked["status"]["linkedTo"] == first
    assert shop.incident_in(first, "Resolved", "Failed")["status"]["related"] == [second]
    assert shop.incident_in(second, "Resolved", "Failed")["status"]["phase"] == "Resolved"
    assert shop.get("deployment", "web")["metadata"]["generation"] == 2


def test_an_alert_that_resolves_before_the_first_change_leaves_everything_as_it_is(shop: Kube, sender: Sender) -> None:
    shop.apply(answers("downtime", step("breathe", "wait", {"duration": "1m"}), RESTART))
    (name,) = opened(shop, sender, down(shop))
    shop.wait_for("incident", name, lambda obj: obj.get("status", {}).get("currentStep") == "breathe")

    assert sender.results(down(shop, build=resolved)) == ["Resolved"]

    assert shop.incident_in(name, "Resolved", "Failed")["status"]["phase"] == "Resolved"
    assert shop.get("deployment", "web")["metadata"]["generation"] == 1


def test_an_alert_that_no_playbook_answers_stays_visible_and_escalates_by_the_default(
    shop: Kube, sender: Sender, hook: Hook
) -> None:
    channels = [{"name": "oncall", "secretRef": {"name": "hook", "key": "url"}}]
    levels = [{"after": "0s", "channel": "oncall", "message": "nobody answers ${incident.alert.name}"}]
    shop.apply(hook.secret, playbook("default", RESTART, channels=channels, escalation=levels))

    (name,) = opened(shop, sender, down(shop))

    found = shop.wait_for(
        "incident", name, lambda obj: obj["status"].get("notifications", [{}])[0].get("state") == "Sent"
    )
    assert found["status"]["phase"] == "Pending"
    assert "no playbook answers alert InstanceDown" in found["status"]["message"]
    assert hook.texts == ["nobody answers InstanceDown"]


def test_people_are_told_that_it_began_who_is_needed_and_how_it_ended(shop: Kube, sender: Sender, hook: Hook) -> None:
    channels = [{"name": "oncall", "secretRef": {"name": "hook", "key": "url"}}]
    shop.apply(
        hook.secret,
        answers(
            "downtime",
            step("tell", "notify", {"channel": "oncall", "message": "working on ${target.name} <!channel>"}),
            step("call", "manual", {"instructions": "Call the provider."}),
            channels=channels,
            escalation=[{"after": "1h", "channel": "oncall", "message": "still open"}],
        ),
    )
    (name,) = opened(shop, sender, down(shop))
    shop.incident_in(name, "Waiting")

    done = [{"op": "add", "path": "/spec/approvals/-", "value": {"step": "call", "decision": "Done", "by": "alice"}}]
    shop.run("patch", "incident", name, "--type=json", "-p", json.dumps(done))
    shop.incident_in(name, "Resolved")
    states = shop.wait_for(
        "incident", name, lambda obj: [item["state"] for item in obj["status"]["notifications"]] == ["Sent"] * 3
    )

    assert states
    assert hook.texts[0].startswith("working on web")
    assert f"kubectl incident done {name} call -n {shop.namespace}" in hook.texts[1]
    assert hook.texts[2].startswith("Resolved: ")


def test_what_people_write_is_on_the_timeline_and_in_the_report(shop: Kube, sender: Sender) -> None:
    shop.apply(answers("downtime", step("breathe", "wait", {"duration": "2s"}), RESTART))
    (name,) = opened(shop, sender, down(shop))
    said = {
        "lead": "alice",
        "impact": "4 % of customers cannot pay",
        "acknowledgedBy": "alice",
        "notes": [{"by": "bob", "text": "the provider confirms a fault"}],
    }
    shop.run("patch", "incident", name, "--type=merge", "-p", json.dumps({"spec": said}))

    found = shop.incident_in(name, "Resolved", "Failed")

    events = {item["event"] for item in found["status"]["timeline"]}
    assert {"Acknowledged", "LeadChanged", "ImpactStated", "Note"} <= events
    assert "4 % of customers cannot pay" in found["status"]["review"]
    assert "| Incident commander | alice |" in found["status"]["review"]


def test_a_rollback_is_taken_back_when_a_person_asks_for_it_afterwards(
    shop: Kube, start_operator: Callable[..., Operator]
) -> None:
    shop.apply(deployment("web"))
    shop.rolled_out("deployment/web")
    shop.apply(with_image(deployment("web"), "localhost/web:v2"))
    shop.rolled_out("deployment/web")
    start_operator(shop)
    shop.apply(playbook("back", step("back", "rollback", {"whenHealthy": "Proceed"})))
    target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}
    spec = {"summary": "v2 is wrong", "targetRef": target, "playbookRef": {"name": "back"}}
    shop.apply({"apiVersion": "paramedic.dev/v1alpha1", "kind": "Incident", "metadata": {"name": "one"}, "spec": spec})
    shop.incident_in("one", "Resolved")
    assert image_of(shop) == "localhost/web:v1"

    asked = {"spec": {"undo": [{"step": "back", "by": "alice", "reason": "it was the database"}]}}
    shop.run("patch", "incident", "one", "--type=merge", "-p", json.dumps(asked))

    found = shop.wait_for("incident", "one", lambda obj: obj["status"]["steps"][0]["state"] == "Undone")
    assert image_of(shop) == "localhost/web:v2"
    assert "alice asked for it: it was the database" in found["status"]["steps"][0]["undo"]["reason"]


def test_a_paused_operator_changes_nothing_until_it_is_resumed(shop: Kube, sender: Sender) -> None:
    shop.apply(answers("downtime", RESTART))
    shop.run("create", "configmap", "paramedic-paused", "--from-literal=by=alice", "--from-literal=reason=migration")
    (name,) = opened(shop, sender, down(shop))
    found = shop.wait_for("incident", name, lambda obj: "paused" in obj.get("status", {}).get("message", ""))
    assert "the operator was paused by alice" in found["status"]["message"]
    assert shop.get("deployment", "web")["metadata"]["generation"] == 1

    shop.run("delete", "configmap", "paramedic-paused")

    assert shop.incident_in(name, "Resolved", "Failed", seconds=90)["status"]["phase"] == "Resolved"


def image_of(shop: Kube) -> str:
    return str(shop.get("deployment", "web")["spec"]["template"]["spec"]["containers"][0]["image"])
