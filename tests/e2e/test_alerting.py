"""The whole way with a real Prometheus and a real Alertmanager: a target fails, a rule fires, Alertmanager sends it, the
receiver stores the Incident, a playbook heals the service, the alert resolves; and what happens while the operator is away.
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import trustme
import yaml

from e2e.conftest import HealthEndpoint
from paramedic.alerts.moments import canonical_moment
from paramedic.alerts.payload import fingerprint_of
from paramedic.model.times import parse_time
from support.alerts import Object
from support.kube import Kube
from support.monitoring import Alertmanager, Prometheus
from support.objects import deployment, playbook, step
from support.operator_process import Operator, free_port

pytestmark = pytest.mark.e2e

TOKEN = "token-of-alertmanager"


@dataclass
class Desk:
    """An operator whose receiver serves HTTPS behind a token, and the Alertmanager that sends to it."""

    operator: Operator
    alertmanager: Alertmanager


@pytest.fixture
def desk(shop: Kube, start_operator: Callable[..., Operator], tmp_path: Path) -> Iterator[Desk]:
    authority = trustme.CA()
    issued = authority.issue_cert("127.0.0.1")
    issued.cert_chain_pems[0].write_to_path(str(tmp_path / "tls.crt"))
    issued.private_key_pem.write_to_path(str(tmp_path / "tls.key"))
    authority.cert_pem.write_to_path(str(tmp_path / "ca.crt"))
    (tmp_path / "token").write_text(TOKEN)
    port = free_port()
    operator = start_operator(
        shop, f"--receiver=127.0.0.1:{port}", f"--receiver-token-file={tmp_path / 'token'}",
        f"--receiver-cert={tmp_path / 'tls.crt'}", f"--receiver-key={tmp_path / 'tls.key'}",
    )  # fmt: skip
    http = {
        "authorization": {"type": "Bearer", "credentials_file": str(tmp_path / "token")},
        "tls_config": {"ca_file": str(tmp_path / "ca.crt")},
    }
    webhook = {"url": f"https://127.0.0.1:{port}/v1/alertmanager", "send_resolved": True, "http_config": http}
    route = {
        "receiver": "paramedic", "group_by": ["alertname", "namespace"], "group_wait": "100ms", "group_interval": "1s",
    }  # fmt: skip
    config = {"route": route, "receivers": [{"name": "paramedic", "webhook_configs": [webhook]}]}
    with Alertmanager(tmp_path / "alertmanager", config) as alertmanager:
        yield Desk(operator, alertmanager)


@pytest.fixture
def prometheus(shop: Kube, desk: Desk, health: HealthEndpoint, tmp_path: Path) -> Iterator[Prometheus]:
    """Scrapes the health endpoint as the Deployment `web`, and says InstanceDown when it does not answer."""
    rule = {
        "alert": "InstanceDown", "expr": "up == 0", "labels": {"severity": "critical"},
        "annotations": {"summary": "{{ $labels.deployment }} does not answer"},
    }  # fmt: skip
    folder = tmp_path / "prometheus"
    folder.mkdir()
    (folder / "rules.yaml").write_text(yaml.safe_dump({"groups": [{"name": "g", "rules": [rule]}]}))
    address = health.url.removeprefix("http://").removesuffix("/healthz")
    labels = {"namespace": shop.namespace, "deployment": "web"}
    scrape = {
        "job_name": "web",
        "metrics_path": "/healthz",
        "static_configs": [{"targets": [address], "labels": labels}],
    }
    config = {
        "global": {"scrape_interval": "500ms", "scrape_timeout": "400ms", "evaluation_interval": "500ms"},
        "rule_files": ["rules.yaml"],
        "alerting": {"alertmanagers": [{"static_configs": [{"targets": [desk.alertmanager.address]}]}]},
        "scrape_configs": [scrape],
    }
    with Prometheus(folder, config) as found:
        yield found


def until(question: Callable[[], Any], what: str, seconds: float = 60) -> Any:
    """The answer to a question, once it is one."""
    deadline = time.monotonic() + seconds
    while not (answer := question()):
        assert time.monotonic() < deadline, f"{what} within {seconds} s"
        time.sleep(0.1)
    return answer


def incidents(shop: Kube, count: int) -> list[Object]:
    """The incidents of the namespace, once there are that many."""
    found: list[Object] = until(
        lambda: listed if len(listed := shop.list("incidents")) >= count else None, f"not {count} incidents"
    )
    return found


def test_from_a_failing_target_to_a_healed_service_and_a_resolved_alert(
    shop: Kube, desk: Desk, prometheus: Prometheus, health: HealthEndpoint, capsys: pytest.CaptureFixture[str]
) -> None:
    shop.apply(deployment("web"))
    shop.rolled_out("deployment/web")
    check = {"name": "answers", "httpCheck": {"url": health.url}}
    book = playbook(
        "down", step("restart", "rollingRestart"), match={"alertNames": ["InstanceDown"]},
        recovery={"checks": [check], "stableFor": "1s", "timeout": "1m"},
    )  # fmt: skip
    shop.apply(book)
    prometheus.wait_for("up == 1")

    hops = [("the target fails", datetime.now(UTC))]
    health.status = 500
    hops.append(("the rule fires", parse_time(prometheus.wait_for_alert("InstanceDown")["activeAt"])))
    (sent,) = desk.alertmanager.wait_for_alerts(alertname="InstanceDown")
    (found,) = incidents(shop, 1)
    name = found["metadata"]["name"]
    shop.wait_for("deployment", "web", lambda obj: obj["metadata"]["generation"] == 2)
    health.status = 200
    ended = shop.incident_in(name, "Resolved", "Failed")
    until(lambda: not desk.alertmanager.alerts(), "Alertmanager's alert did not end")

    assert ended["status"]["phase"] == "Resolved", ended["status"]["message"]
    assert ended["status"]["playbook"]["name"] == "down"
    assert "does not answer" in ended["status"]["review"]
    alert = ended["spec"]["alert"]
    assert alert["fingerprint"] == sent["fingerprint"] == fingerprint_of(sent["labels"])
    assert alert["startsAt"] == canonical_moment(sent["startsAt"])
    assert alert["labels"] == sent["labels"]
    assert shop.get("deployment", "web")["metadata"]["generation"] == 2
    assert len(shop.list("incidents")) == 1

    times = ended["status"]["times"]
    hops.append(("Alertmanager has it", parse_time(sent["updatedAt"])))
    hops.append(("the operator has the Incident", parse_time(ended["status"]["timeline"][0]["at"])))
    hops += [(text, parse_time(times[key])) for text, key in _HOPS]
    with capsys.disabled():
        print("\n" + table(hops))


_HOPS = (
    ("the first remedy begins", "firstActionAt"), ("the symptom is gone", "mitigatedAt"),
    ("recovery is proven", "resolvedAt"),
)  # fmt: skip


def table(hops: list[tuple[str, datetime]]) -> str:
    begun = hops[0][1]
    return "\n".join(f"{(at - begun).total_seconds():8.2f} s  {text}" for text, at in hops)


def storm(shop: Kube, count: int) -> list[Object]:
    return [
        {"labels": {"alertname": "Storm", "namespace": shop.namespace, "pod": f"web-{at}", "severity": "warning"}}
        for at in range(count)
    ]


@pytest.mark.parametrize("end", ["stopped", "killed"])
def test_alerts_that_begin_while_the_operator_is_away_are_stored_when_it_is_back(
    shop: Kube, desk: Desk, end: str
) -> None:
    desk.operator.stop() if end == "stopped" else desk.operator.kill()
    desk.alertmanager.post(*storm(shop, 30))
    until(lambda: "connection refused" in desk.alertmanager.log, "Alertmanager did not try")
    assert shop.list("incidents") == []

    desk.operator.start()

    found = incidents(shop, 30)
    assert {item["spec"]["alert"]["labels"]["pod"] for item in found} == {f"web-{at}" for at in range(30)}
    assert len(found) == 30


def test_a_kill_in_the_middle_of_a_storm_loses_nothing_and_stores_nothing_twice(shop: Kube, desk: Desk) -> None:
    for _ in range(3):
        desk.alertmanager.post(*storm(shop, 120))
        incidents(shop, 10)
        desk.operator.kill()
        desk.operator.start()

    found = incidents(shop, 120)
    assert len({item["spec"]["alert"]["fingerprint"] for item in found}) == len(found) == 120
