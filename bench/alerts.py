"""Alerts as Alertmanager sends them (webhook, version 4)."""

import hashlib
import json
from dataclasses import dataclass
from datetime import UTC, datetime

ALERT_NAME = "BenchDown"


@dataclass(frozen=True, slots=True)
class Alert:
    """One alert about one Deployment. ``begun`` tells it from others about the same."""

    namespace: str
    deployment: str
    begun: datetime

    @property
    def target(self) -> tuple[str, str]:
        return self.namespace, self.deployment

    def body(self) -> bytes:
        """The request's body: a notification with this alert alone, as a group of its own."""
        labels = {
            "alertname": ALERT_NAME, "severity": "critical", "namespace": self.namespace, "deployment": self.deployment,
            "job": "kube-state-metrics", "team": "bench", "cluster": "bench",
        }  # fmt: skip
        annotations = {
            "summary": f"Deployment {self.deployment} does not answer",
            "description": "More than half of the requests of the last minute failed.",
            "runbook_url": "https://runbooks.example.com/BenchDown",
        }
        moment = self.begun.astimezone(UTC).isoformat().replace("+00:00", "Z")
        source = "https://prometheus.example.com/graph?g0.expr=up"
        found = {
            "version": "4", "groupKey": f'{{}}:{{deployment="{self.deployment}"}}', "truncatedAlerts": 0,
            "status": "firing", "receiver": "paramedic", "groupLabels": {"deployment": self.deployment},
            "commonLabels": labels, "commonAnnotations": annotations,
            "externalURL": "https://alertmanager.example.com",
            "alerts": [
                {
                    "status": "firing", "labels": labels, "annotations": annotations, "startsAt": moment,
                    "endsAt": "0001-01-01T00:00:00Z", "generatorURL": source,
                    "fingerprint": hashlib.sha256(json.dumps(labels).encode()).hexdigest()[:16],
                }
            ],
        }  # fmt: skip
        return json.dumps(found).encode()
