"""Alerts and dashboards, on the real Prometheus, Alertmanager and their tools. `dev/monitoring` installs those."""

from pathlib import Path

import pytest

from support.monitoring import Alertmanager, Prometheus

pytestmark = pytest.mark.monitoring


def test_an_alert_goes_from_a_real_prometheus_to_a_real_alertmanager(tmp_path: Path) -> None:
    route = {"receiver": "nobody", "group_wait": "0s"}
    rules = tmp_path / "rules.yaml"
    rules.write_text("groups: [{name: test, rules: [{alert: Always, expr: vector(1), labels: {team: shop}}]}]")
    with Alertmanager(tmp_path / "alertmanager", {"route": route, "receivers": [{"name": "nobody"}]}) as alertmanager:
        config = {
            "global": {"evaluation_interval": "1s"},
            "rule_files": [str(rules)],
            "alerting": {"alertmanagers": [{"static_configs": [{"targets": [alertmanager.address]}]}]},
        }
        with Prometheus(tmp_path / "prometheus", config) as prometheus:
            assert prometheus.wait_for_alert("Always")["labels"]["team"] == "shop"
            assert prometheus.wait_for("ALERTS")
            (alert,) = alertmanager.wait_for_alerts(alertname="Always")
    assert alert["labels"] == {"alertname": "Always", "team": "shop"}
