"""The four playbooks of examples/playbooks, each whole, as they are there: the operator in a Pod of a real node, against the
broken application of examples/, opened by its alert through the receiver; what a person has to do is done with
`kubectl incident`.
"""

import json
import os
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from support import snapshots
from support.alerts import Sender
from support.kube import Kube
from support.objects import Object
from support.realnode import ROOT, incident_command, receiver, send, states

EXAMPLES = ROOT / "examples"

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.realnode,
    pytest.mark.monitoring,
    pytest.mark.skipif(os.geteuid() != 0 and not os.environ.get("CI"), reason="a real node needs root"),
]


@dataclass
class Shop:
    """Namespace `shop` with the examples in it, and the people who look after it."""

    kube: Kube
    alertmanager: Sender

    def breaks(self, playbook: str) -> None:
        """What examples/break does."""
        script = EXAMPLES / "break" / f"{playbook}.sh"
        environment = os.environ | {"KUBECONFIG": self.kube.kubeconfig}
        subprocess.run([str(script)], check=True, capture_output=True, env=environment)

    def alert(self, playbook: str) -> str:
        """Alertmanager sends the example's alert. Gives the name of the Incident."""
        return send(self.alertmanager, EXAMPLES / "alerts" / f"{playbook}.json")

    def says(self, *arguments: str) -> str:
        return incident_command(self.kube, *arguments)

    def answered(self, name: str, answers: dict[str, Callable[[], object]], *, seconds: float = 240) -> Object:
        """The incident once it has ended, when people do their part: what they do by the step that waits for them."""
        deadline = time.monotonic() + seconds
        done: set[str] = set()
        while True:
            found = self.kube.get("incident", name)
            status = found.get("status", {})
            if status.get("phase") in ("Resolved", "Failed", "Cancelled"):
                assert done == set(answers), f"nobody was asked for {set(answers) - done}"
                return found
            step = status.get("currentStep")
            if status.get("phase") == "Waiting" and step not in done:
                assert step in answers, f"{step} waits for a person:\n{account(found)}"
                answers[step]()
                done.add(step)
            assert time.monotonic() < deadline, f"not ended after {seconds} s:\n{account(found)}"
            time.sleep(0.3)

    def done(self, name: str, step: str, note: str = "as written") -> Callable[[], object]:
        return lambda: self.says("done", name, step, "--note", note)

    def approves(self, name: str, step: str) -> Callable[[], object]:
        return lambda: self.says("approve", name, step, "--yes")

    def rejects(self, name: str, step: str, reason: str) -> Callable[[], object]:
        return lambda: self.says("reject", name, step, "--reason", reason)

    def told(self, name: str) -> list[tuple[str, str]]:
        """What the chat got about an incident: channel and text."""
        lines = self.kube.run("logs", "deployment/chat", "--tail=-1").splitlines()
        found = [line.split(": ", 1) for line in lines if line.startswith("to=")]
        bodies = [(channel.removeprefix("to="), json.loads(body)) for channel, body in found]
        return [(channel, body["message"]) for channel, body in bodies if body["incident"] == f"shop/{name}"]


@pytest.fixture(scope="module")
def shop(real: Kube) -> Iterator[Shop]:
    kube = real.within("shop")
    kube.run("apply", "-k", str(EXAMPLES / "app"))
    kube.run("apply", "-f", "-", stdin=json.dumps(VOLUME))
    snapshots.install(real, ready=True)
    for folder in ("access", "playbooks", "apps/services", "apps/search", "apps/login"):
        kube.run("apply", "-k", str(EXAMPLES / folder))
    real.within("monitoring").run("apply", "-k", str(EXAMPLES / "apps" / "prometheus"))
    for name in ("checkout", "payments", "chat", "search", "login"):
        kube.rolled_out(f"deployment/{name}", 60)
    real.within("monitoring").rolled_out("deployment/prometheus", 60)
    kube.run("wait", "--for=condition=Ready", "playbooks", "--all", "--timeout=60s", timeout=70)
    with receiver(real) as alertmanager:
        yield Shop(kube, alertmanager)


#: For the claim of examples/apps/login: the cluster has no provisioner.
VOLUME: Object = {
    "apiVersion": "v1", "kind": "PersistentVolume", "metadata": {"name": "login-data"},
    "spec": {
        "capacity": {"storage": "1Gi"}, "accessModes": ["ReadWriteMany"],
        "hostPath": {"path": "/tmp/login-data", "type": "DirectoryOrCreate"},
    },
}  # fmt: skip


def test_deployment_failure_rolls_an_image_that_does_not_exist_back_and_hands_its_cause_over(shop: Shop) -> None:
    shop.breaks("deployment-failure")
    shop.kube.wait_for("deployment", "checkout", lambda _: waits_for_image(shop.kube))
    name = shop.alert("deployment-failure")
    found = shop.answered(name, {"fix": shop.done(name, "fix", "the tag was misspelt")})

    assert found["status"]["phase"] == "Resolved", account(found)
    assert states(found) == dict.fromkeys(("announce", "nodes", "evidence", "diagnose", "rollback", "whole", "inform", "fix"), "Succeeded") | {
        "status": "Failed", "escalate": "Skipped", "mend": "Skipped",
    }  # fmt: skip
    assert output(found, "diagnose", "class") == "ImagePull"
    assert "localhost/web:v3" in output(found, "diagnose", "proof")
    container = shop.kube.get("deployment", "checkout")["spec"]["template"]["spec"]["containers"][0]
    assert container["image"] == "localhost/web:v1"
    assert not shop.kube.get("deployment", "checkout")["status"].get("unavailableReplicas")

    told = shop.told(name)
    assert told[0][0] == "incident-response" and "https://ci.example.com/shop/checkout" in told[0][1]
    assert any(channel == "stakeholders" and "was rolled back to revision 1" in text for channel, text in told)
    report = shop.says("report", name)
    assert "the tag was misspelt" in report
    assert "- Deployment/checkout, by rollback (step rollback" in report
    assert "take it out of service" in report or "taken out of service" in report


def test_service_downtime_restarts_what_hangs_and_asks_for_the_post_mortem(shop: Shop) -> None:
    shop.breaks("service-downtime")
    shop.kube.wait_for("deployment", "checkout", lambda obj: not obj["status"].get("availableReplicas"))
    name = shop.alert("service-downtime")
    found = shop.answered(name, {"postMortem": shop.done(name, "postMortem", "alice, Thursday")})

    assert found["status"]["phase"] == "Resolved", account(found)
    got = states(found)
    assert {key for key, state in got.items() if state == "Failed"} - UNKNOWN_HERE == {"verify", "scope"}
    assert {key for key, state in got.items() if state == "Skipped"} == {
        "replace", "rollback", "restartStateful", "escalate", "mend",
    }  # fmt: skip
    assert output(found, "scope", "scope") == "Service"
    assert output(found, "diagnose", "class") == "ProbeFailure"
    assert got["restart"] == got["answers"] == got["whole"] == "Succeeded"
    assert any(item["kind"] == "Logs" for item in found["status"]["evidence"])

    told = shop.told(name)
    assert [channel for channel, _ in told][:2] == ["incident-response", "incident-response"]
    assert "0 of 3 Pods available. ProbeFailure: " in told[1][1]
    assert any(channel == "stakeholders" and "answers again" in text for channel, text in told)
    report = shop.says("report", name)
    assert "needed a restart: find out why" in report
    assert "alice, Thursday" in report


def test_performance_degradation_scales_what_is_overloaded(shop: Shop) -> None:
    shop.breaks("performance-degradation")
    until(lambda: (shop_latency(shop.kube) or 0) > 1, "search is not slow")
    name = shop.alert("performance-degradation")
    try:
        found = shop.answered(name, {"review": shop.done(name, "review", "it keeps them until the sale is over")})
    finally:
        shop.kube.run("scale", "deployment/visitors", "--replicas=0")

    assert found["status"]["phase"] == "Resolved", account(found)
    got = states(found)
    assert got["slow"] == "Failed" and output(found, "slow", "value") > 1
    assert got["scale"] == got["settle"] == got["fast"] == "Succeeded"
    assert {"rollback", "fastAgain", "escalate", "optimise"} <= {
        key for key, state in got.items() if state == "Skipped"
    }
    assert shop.kube.get("deployment", "search")["spec"]["replicas"] == 4
    assert any("scaled from 2 to 4 Pods" in text for _, text in shop.told(name))
    assert "it keeps them until the sale is over" in shop.says("report", name)


def test_security_incident_contains_keeps_evidence_and_leaves_nothing_temporary_behind(shop: Shop) -> None:
    password = shop.kube.get("secret", "login-admin")["data"]["password"]
    shop.breaks("security-incident")
    until(lambda: "203.0.113.7" in shop.kube.run("logs", "-l", "app=login", "--tail=50"), "nobody was refused")
    until(lambda: (denied(shop.kube) or 0) > 1, "nobody is refused often")
    name = shop.alert("security-incident")
    kept: dict[str, Any] = {}

    def contained() -> None:
        """The block and the isolation are there; the attack ends, as it does where the network enforces them."""
        kept["policies"] = [item["metadata"]["name"] for item in shop.kube.list("networkpolicies")]
        kept["locked"] = shop.kube.get("rolebinding", "login").get("subjects")
        shop.kube.run("scale", "deployment/intruder", "--replicas=0")
        shop.says("impact", name, "one administrator's account was tried; no sign of success")
        shop.says("done", name, "impact")

    def reopened() -> None:
        for step in ("isolate", "lock"):
            shop.says("undo", name, step, "--reason", "the way in is closed")
        shop.says("done", name, "reopen")

    answers = {
        "sources": shop.done(name, "sources", "203.0.113.7"),
        "block": shop.approves(name, "block"),  # no node of this cluster says which addresses its Pods have
        "lock": shop.approves(name, "lock"),
        "isolate": shop.approves(name, "isolate"),
        "impact": contained,
        "eradicate": shop.done(name, "eradicate", "logins are limited to five a minute"),
        "restore": shop.done(name, "restore", "nothing was changed"),
        "rotate": shop.approves(name, "rotate"),
        "reopen": reopened,
        "legal": shop.done(name, "legal", "nobody has to be told"),
        "lessons": shop.done(name, "lessons", "bob, on Friday"),
    }
    found = shop.answered(name, answers)

    assert found["status"]["phase"] == "Resolved", account(found)
    got = states(found)
    assert {key: got[key] for key in ("firewall", "persistent")} == dict.fromkeys(("firewall", "persistent"), "Skipped")
    assert got["block"] == got["rotate"] == "Succeeded"
    assert got["isolate"] == got["lock"] == "Undone"
    assert output(found, "snapshot", "claims") == ["login-data"]
    assert any(policy.startswith(f"{name}-block"[:40]) for policy in kept["policies"]) and len(kept["policies"]) >= 2
    assert not kept["locked"]
    assert shop.kube.get("rolebinding", "login")["subjects"][0]["name"] == "login"
    assert shop.kube.get("secret", "login-admin")["data"]["password"] != password
    evidence = "".join(
        shop.says("evidence", name, item["name"]) for item in found["status"]["evidence"] if item["kind"] == "Logs"
    )
    assert "denied user=admin from 203.0.113.7" in evidence

    told = shop.told(name)
    assert {channel for channel, _ in told} == {"security", "managers", "stakeholders"}
    assert "Login refuses many logins: Deployment/login in shop." in "".join(
        text for channel, text in told if channel == "security"
    )
    report = shop.says("report", name)
    for words in ("logins are limited to five a minute", "one administrator's account", "bob, on Friday"):
        assert words in report.replace("\\", "")


#: Checks of exporters that this cluster does not have: Unknown, which is a failure that stops nothing.
UNKNOWN_HERE = {"errors", "resources", "network"}


def account(found: Object) -> str:
    """What became of an incident so far, a line for each step."""
    steps = found["status"].get("steps", [])
    rows = [f"{item['name']} {item['state']}: {item.get('message', '')}" for item in steps]
    return "\n".join([f"{found['status'].get('phase')}: {found['status'].get('message')}", *rows])


def output(found: Object, step: str, key: str) -> Any:
    (item,) = [item for item in found["status"]["steps"] if item["name"] == step]
    return item["outputs"][key]


def waits_for_image(kube: Kube) -> bool:
    return any(
        status.get("state", {}).get("waiting", {}).get("reason") == "ImagePullBackOff"
        for pod in kube.list("pods", "-l", "app=checkout")
        for status in pod.get("status", {}).get("containerStatuses", [])
    )


def until(question: Callable[[], bool], what: str, seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not question():
        assert time.monotonic() < deadline, f"{what} within {seconds} s"
        time.sleep(0.5)


def shop_latency(kube: Kube) -> float | None:
    """The number that the playbook performance-degradation looks at."""
    return asked(kube, "performance-degradation", "latency", "search")


def denied(kube: Kube) -> float | None:
    return asked(kube, "security-incident", "denied", "login")


def asked(kube: Kube, playbook: str, parameter: str, target: str) -> float | None:
    """What Prometheus answers to a query that is a parameter's default; None while it has no data."""
    found = kube.get("playbook", playbook)["spec"]["parameters"]
    (query,) = [item["default"] for item in found if item["name"] == parameter]
    query = query.replace("${incident.namespace}", "shop").replace("${target.name}", target)
    program = ["wget", "-q", "-O-", f"http://127.0.0.1:9090/api/v1/query?query={quoted(query)}"]
    answer = json.loads(kube.within("monitoring").run("exec", "deployment/prometheus", "--", *program))
    values = [float(item["value"][1]) for item in answer["data"]["result"]]
    return values[0] if values and values[0] == values[0] else None


def quoted(text: str) -> str:
    from urllib.parse import quote

    return quote(text, safe="")
