"""Alerts, on the real Prometheus, Alertmanager and their tools. `dev/monitoring` installs those."""

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from paramedic.alerts.targets import candidates, namespace_label
from paramedic.metrics import Figures, Metrics
from support.manifests import ROOT, Object, of_kind, rendered
from support.monitoring import Alertmanager, Prometheus, run_tool

pytestmark = pytest.mark.monitoring
FILES = ("alerts.yaml", "paramedic-alerts.yaml")
ALERTMANAGER = ROOT / "examples" / "alertmanager" / "alertmanager.yaml"
SEED = {
    "InstanceDown", "HighErrorRate", "KubeNodeNotReady", "HighRequestLatency", "HighCpuUsage", "HighMemoryUsage",
    "HighAuthenticationFailureRate", "DeploymentFailed",
}  # fmt: skip


def loaded(path: Path) -> Any:
    return yaml.safe_load(path.read_text())


def rules(name: str) -> list[Object]:
    """The alerting and recording rules of a plain rule file."""
    return [rule for group in loaded(ROOT / "examples/prometheus" / name)["groups"] for rule in group["rules"]]


def alerts(*names: str) -> list[Object]:
    return [rule for name in names or FILES for rule in rules(name) if "alert" in rule]


def title(rule: Object) -> str:
    return "-".join(filter(None, (rule["alert"], rule["labels"].get("scope"))))


def unit_tests(name: str) -> list[Object]:
    found: list[Object] = loaded(ROOT / "tests/manifests/rules" / name)["tests"]
    return found


def promtool(folder: Path, rule_file: str, tests: list[Object]) -> str:
    """What `promtool test rules` says of these tests on these rules."""
    (folder / "rules.yaml").write_text(rule_file)
    suite = {"rule_files": ["rules.yaml"], "evaluation_interval": "30s", "tests": tests}
    (folder / "tests.yaml").write_text(yaml.safe_dump(suite, sort_keys=False))
    return run_tool("promtool", "test", "rules", str(folder / "tests.yaml"))


# --- rules


@pytest.mark.parametrize("name", FILES)
def test_promtool_finds_nothing_wrong_with_the_rules(name: str) -> None:
    run_tool("promtool", "check", "rules", "--lint-fatal", str(ROOT / "examples/prometheus" / name))


@pytest.mark.parametrize(
    ("name", "test"), [(name, test) for name in FILES for test in unit_tests(name)], ids=lambda item: item["name"] if isinstance(item, dict) else item.split(".")[0]
)  # fmt: skip
def test_an_alert_fires_in_time_with_its_labels_and_resolves(name: str, test: Object, tmp_path: Path) -> None:
    promtool(tmp_path, (ROOT / "examples/prometheus" / name).read_text(), [test])


def checks_of(rule: Object, name: str) -> Iterator[list[bool]]:
    """For each test that sees this alert firing: whether it fires, at each moment that the test looks."""
    for test in unit_tests(name):
        looks = sorted(
            (look for look in test["alert_rule_test"] if look["alertname"] == rule["alert"]),
            key=lambda look: _seconds(look["eval_time"]),
        )
        scopes = {alert["exp_labels"].get("scope") for look in looks for alert in look.get("exp_alerts", [])}
        if rule["labels"].get("scope") in scopes:
            yield [bool(look.get("exp_alerts")) for look in looks]


def _seconds(text: str) -> int:
    units = {"h": 3600, "m": 60, "s": 1}
    return sum(int(count) * units[unit] for count, unit in re.findall(r"(\d+)([hms])", text))


@pytest.mark.parametrize(("name", "rule"), [(name, rule) for name in FILES for rule in alerts(name)], ids=lambda item: title(item) if isinstance(item, dict) else "")  # fmt: skip
def test_every_alert_is_looked_at_before_while_and_after_it_fires_and_without_data(name: str, rule: Object) -> None:
    assert any(
        found[0] is False and any(found) and found[-1] is False for found in checks_of(rule, name) if len(found) > 2
    ), "no unit test sees it silent, firing and resolved"
    without_data = unit_tests(name)[-1]["alert_rule_test"]
    assert rule["alert"] in {look["alertname"] for look in without_data}


@pytest.mark.parametrize(
    ("name", "rule"), [(name, rule) for name in FILES for rule in alerts(name) if "for" in rule], ids=lambda item: title(item) if isinstance(item, dict) else ""
)  # fmt: skip
def test_the_unit_tests_notice_an_alert_that_fires_too_early(name: str, rule: Object, tmp_path: Path) -> None:
    hasty = loaded(ROOT / "examples/prometheus" / name)
    for other in [item for group in hasty["groups"] for item in group["rules"]]:
        if other == rule:
            del other["for"]
    with pytest.raises(AssertionError, match=rule["alert"]):
        promtool(tmp_path, yaml.safe_dump(hasty), [test for test in unit_tests(name) if rule["alert"] in test["name"]])


def test_there_is_a_rule_for_every_alert_of_the_seed() -> None:
    assert {rule["alert"] for rule in alerts("alerts.yaml")} == SEED


def test_every_alert_that_an_example_playbook_answers_has_a_rule() -> None:
    playbooks = [obj for obj in rendered("examples/playbooks") if obj["kind"] == "Playbook"]
    answered = {name for obj in playbooks for name in obj["spec"].get("match", {}).get("alertNames", [])}
    assert answered and answered <= {rule["alert"] for rule in alerts("alerts.yaml")}


def test_alerts_about_paramedic_itself_have_names_that_no_playbook_is_run_for() -> None:
    assert [
        rule["alert"] for rule in alerts("paramedic-alerts.yaml") if not rule["alert"].startswith("Paramedic")
    ] == []


def test_few_alerts_about_paramedic_wake_somebody() -> None:
    critical = [rule for rule in alerts("paramedic-alerts.yaml") if rule["labels"]["severity"] == "critical"]
    assert len(critical) <= 5


@pytest.mark.parametrize("rule", alerts(), ids=title)
def test_every_alert_says_what_is_wrong_and_where_to_read_on(rule: Object) -> None:
    assert rule["labels"]["severity"] in ("critical", "warning", "info")
    assert set(rule["annotations"]) == {"summary", "description", "runbook_url"}
    page, _, anchor = rule["annotations"]["runbook_url"].partition("#")
    headings = re.findall(r"^#+ (\w+)$", (ROOT / page).read_text(), re.MULTILINE)
    assert anchor == rule["alert"].lower()
    assert rule["alert"] in headings


@pytest.mark.parametrize("name", FILES)
def test_rules_of_the_prometheus_operator_and_plain_rules_agree(name: str) -> None:
    source = loaded(ROOT / "manifests/monitoring" / name)
    assert (source["apiVersion"], source["kind"]) == ("monitoring.coreos.com/v1", "PrometheusRule")
    assert source["spec"] == loaded(ROOT / "examples/prometheus" / name)


def test_alerts_about_paramedic_use_only_metrics_that_it_has() -> None:
    metrics = Metrics()
    metrics.watch(lambda: Figures({}, {}, 0, 0.0, watch_silent=False))
    known = set(re.findall(r"^# TYPE (\w+)", metrics.text().decode(), re.MULTILINE))
    used = {name for rule in alerts("paramedic-alerts.yaml") for name in re.findall(r"paramedic_\w+", rule["expr"])}
    assert used and {re.sub("_(bucket|count|sum)$", "", name) for name in used} <= known


TARGETS = {
    ("InstanceDown", "instance"): {"Pod shop/web-5d4-x"},
    ("InstanceDown", "service"): {"Deployment shop/web", "StatefulSet shop/db", "DaemonSet shop/agent"},
    ("KubeNodeNotReady", "node"): {"Node n1"},
    ("HighCpuUsage", "node"): {"Node n1"},
    ("HighMemoryUsage", "node"): {"Node n1"},
    ("HighCpuUsage", "container"): {"Pod shop/web-x"},
    ("HighMemoryUsage", "container"): {"Pod shop/web-x"},
    ("DeploymentFailed", "service"): {"Deployment shop/web"},
    ("HighErrorRate", "service"): {"Service shop/web", "Service shop/api"},
    ("HighRequestLatency", "service"): {"Service shop/web"},
    ("HighAuthenticationFailureRate", "service"): {"Service shop/login"},
}


@pytest.mark.parametrize("rule", alerts("alerts.yaml"), ids=title)
def test_the_receiver_finds_what_an_alert_is_about_by_the_labels_it_fires_with(rule: Object) -> None:
    fired = [
        alert["exp_labels"]
        for test in unit_tests("alerts.yaml")
        for look in test["alert_rule_test"]
        for alert in look.get("exp_alerts", [])
        if (look["alertname"], alert["exp_labels"]["scope"]) == (rule["alert"], rule["labels"]["scope"])
    ]
    found = [candidates(labels, namespace_label(labels))[0].ref for labels in fired]
    named = {f"{ref.kind} {ref.namespace + '/' if ref.namespace else ''}{ref.name}" for ref in found}
    assert named == TARGETS[rule["alert"], rule["labels"]["scope"]]


# --- manifests


def test_every_object_has_the_recommended_labels() -> None:
    objects = rendered("manifests/monitoring")
    assert {obj["kind"] for obj in objects} == {"PrometheusRule", "ConfigMap"}
    wanted = {"app.kubernetes.io/name": "paramedic", "app.kubernetes.io/part-of": "paramedic"}
    for obj in objects:
        assert wanted.items() <= obj["metadata"]["labels"].items()
        assert obj["metadata"]["labels"]["app.kubernetes.io/component"] in ("alerts", "dashboards")
        assert obj["metadata"]["namespace"] == "paramedic-system"


def test_the_service_monitor_finds_the_port_of_the_metrics(tmp_path: Path) -> None:
    base, component = ROOT / "manifests/base", ROOT / "manifests/monitoring/service-monitor"
    kustomization = {"resources": [_from(tmp_path, base)], "components": [_from(tmp_path, component)]}
    (tmp_path / "kustomization.yaml").write_text(yaml.safe_dump(kustomization))
    objects = rendered(str(tmp_path))
    (monitor,) = of_kind(objects, "ServiceMonitor")
    selected = [
        service for service in of_kind(objects, "Service")
        if monitor["spec"]["selector"]["matchLabels"].items() <= service["metadata"]["labels"].items()
        and service["metadata"]["namespace"] in monitor["spec"]["namespaceSelector"]["matchNames"]
    ]  # fmt: skip
    ports = [port["name"] for service in selected for port in service["spec"]["ports"]]
    assert [endpoint["port"] for endpoint in monitor["spec"]["endpoints"] if endpoint["port"] in ports] == ["ops"]


def _from(folder: Path, path: Path) -> str:
    return os.path.relpath(path, folder.resolve())


# --- examples


def test_amtool_finds_nothing_wrong_with_the_example_of_alertmanager() -> None:
    assert "SUCCESS" in run_tool("amtool", "check-config", str(ALERTMANAGER))


@pytest.mark.parametrize(
    ("labels", "receivers"),
    [
        (("alertname=InstanceDown", "severity=critical", "namespace=shop"), "paramedic,people"),
        (("alertname=HighCpuUsage", "severity=warning", "node=n1"), "paramedic,people"),
        (("alertname=ParamedicNoLeader", "severity=critical"), "people"),
        (("alertname=Watchdog", "severity=none"), "people"),
    ],
)
def test_alertmanager_tells_paramedic_of_what_it_may_act_upon_and_people_of_everything(
    labels: tuple[str, ...], receivers: str
) -> None:
    assert run_tool("amtool", "config", "routes", "test", f"--config.file={ALERTMANAGER}", *labels) == receivers


def test_alertmanager_sends_what_the_receiver_wants() -> None:
    (webhook,) = next(item for item in loaded(ALERTMANAGER)["receivers"] if item["name"] == "paramedic")[
        "webhook_configs"
    ]
    assert webhook["url"].endswith("/v1/alertmanager") and webhook["send_resolved"] is True
    assert webhook["http_config"]["authorization"]["type"] == "Bearer"
    assert "credentials" not in webhook["http_config"]["authorization"], "a token in a file can be rotated"


def test_promtool_finds_nothing_wrong_with_the_example_of_prometheus(tmp_path: Path) -> None:
    # Debian builds its Prometheus without the discovery of Kubernetes, and here there are no files of a Pod.
    config = loaded(ROOT / "examples/prometheus/prometheus.yaml")
    for job in config["scrape_configs"]:
        for discovery in job.pop("kubernetes_sd_configs", []):
            assert discovery["role"] in ("endpointslice", "node", "pod")
        job.get("authorization", {}).pop("credentials_file", None)
        job.get("tls_config", {}).pop("ca_file", None)
    for name in config["rule_files"]:
        (tmp_path / name).write_text((ROOT / "examples/prometheus" / name).read_text())
    (tmp_path / "prometheus.yaml").write_text(yaml.safe_dump(config))
    said = run_tool("promtool", "check", "config", str(tmp_path / "prometheus.yaml"))
    assert f"{len(FILES)} rule files found" in said


# --- the way of an alert


def test_an_alert_goes_from_a_real_prometheus_to_a_real_alertmanager(tmp_path: Path) -> None:
    route = {"receiver": "nobody", "group_wait": "0s"}
    rule_file = tmp_path / "rules.yaml"
    rule_file.write_text("groups: [{name: test, rules: [{alert: Always, expr: vector(1), labels: {team: shop}}]}]")
    with Alertmanager(tmp_path / "alertmanager", {"route": route, "receivers": [{"name": "nobody"}]}) as alertmanager:
        config = {
            "global": {"evaluation_interval": "1s"},
            "rule_files": [str(rule_file)],
            "alerting": {"alertmanagers": [{"static_configs": [{"targets": [alertmanager.address]}]}]},
        }
        with Prometheus(tmp_path / "prometheus", config) as prometheus:
            assert prometheus.wait_for_alert("Always")["labels"]["team"] == "shop"
            (alert,) = alertmanager.wait_for_alerts(alertname="Always")
    assert alert["labels"] == {"alertname": "Always", "team": "shop"}
