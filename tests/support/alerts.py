"""What Alertmanager sends."""

import json
import urllib.error
import urllib.request
from dataclasses import dataclass
from typing import Any

Object = dict[str, Any]
BEGAN = "2026-01-01T00:00:00Z"


def alert(name: str = "InstanceDown", *, status: str = "firing", starts_at: str = BEGAN, **fields: Any) -> Object:
    """An alert of a notification; ``labels`` are added to its name."""
    labels = {"alertname": name} | fields.pop("labels", {})
    ends_at = "0001-01-01T00:00:00Z" if status == "firing" else "2026-01-01T00:05:00Z"
    return {
        "status": status, "labels": labels, "annotations": {}, "startsAt": starts_at, "endsAt": ends_at,
        "generatorURL": "http://prometheus:9090/graph?g0.expr=up",
    } | fields  # fmt: skip


def resolved(name: str = "InstanceDown", **fields: Any) -> Object:
    return alert(name, status="resolved", **fields)


def notification(*alerts: Object, **fields: Any) -> Object:
    """A whole notification, with the fields that paramedic does not look at."""
    return {
        "version": "4", "groupKey": '{}:{alertname="InstanceDown"}', "truncatedAlerts": 0, "status": "firing",
        "receiver": "paramedic", "groupLabels": {}, "commonLabels": {}, "commonAnnotations": {},
        "externalURL": "http://alertmanager:9093", "alerts": list(alerts),
    } | fields  # fmt: skip


def body(*alerts: Object, **fields: Any) -> bytes:
    return json.dumps(notification(*alerts, **fields)).encode()


#: Texts that would do something, were they ever more than data.
HOSTILE_TEXTS = (
    "", " ", "\x00", "\x1b[2J\x1b[31m", "\u202egpj.exe", "\ufeff", "\ud7ff\U0010ffff", "a\nb\r\nc", "../../../etc/passwd",
    "..%2f..%2fsecrets", "{{ $labels.pod }}", "{{ range . }}", "${parameters.url}", "${incident.spec}", "$(reboot)", "`id`",
    "; rm -rf / #", "' OR 1=1 --", "<script>alert(1)</script>", "[click](javascript:alert(1))", "![](http://evil/x)",
    "| a | b |\n|---|---|", "@channel", "<!everyone>", "%s%n%x", "\\", '"', "web,status.phase=Running", "web?watch=1",
    "kube-system", "paramedic-system", "-", "web-1", "x" * 300, "é" * 2_000, "😀" * 2_000, "null", "true", "0", "NaN",
)  # fmt: skip


@dataclass
class Sender:
    """Sends notifications as Alertmanager does, and says what was answered."""

    port: int
    token: str = ""

    def send(self, content: bytes, *, path: str = "/v1/alertmanager", timeout: float = 30) -> tuple[int, Object]:
        """The status and the JSON of the answer. Raises OSError when nobody answers."""
        headers = {"Content-Type": "application/json", "User-Agent": "Alertmanager/0.28.0"}
        if self.token:
            headers["Authorization"] = f"Bearer {self.token}"
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}", content, headers)
        try:
            with urllib.request.urlopen(request, timeout=timeout) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as refusal:
            return refusal.code, json.load(refusal)

    def results(self, *alerts: Object) -> list[str]:
        """What became of alerts that are all stored."""
        status, answer = self.send(body(*alerts))
        assert status == 200, answer
        return [item["result"] for item in answer["alerts"]]
