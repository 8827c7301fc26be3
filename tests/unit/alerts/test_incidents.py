"""The Incident that an alert becomes."""

import json
import re
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from paramedic.alerts.incidents import Place, build_incident, incident_name, is_of, is_own
from paramedic.alerts.payload import ReceivedAlert, parse
from paramedic.api.v1alpha1.incident import Incident
from paramedic.model.objects import Object
from paramedic.model.references import DEPLOYMENT, NODE, ObjectRef
from support.alerts import alert, body

SHOP = Place("shop")
WEB = ObjectRef.to(DEPLOYMENT, "shop", "web")


def received(*args: Any, **fields: Any) -> ReceivedAlert:
    (found,) = parse(body(alert(*args, **fields))).alerts
    return found


def built(*args: Any, place: Place = SHOP, **fields: Any) -> Object:
    return build_incident(received(*args, **fields), place)


# --- the name


def test_a_name_says_which_alert_it_is_and_when_it_began() -> None:
    assert re.fullmatch(r"instancedown-[0-9a-f]{10}", incident_name(received()))


def test_one_alert_has_one_name_whoever_computes_it() -> None:
    names = {
        incident_name(received(starts_at=text)) for text in ("2026-01-01T00:00:00Z", "2026-01-01T01:00:00.000+01:00")
    }
    assert len(names) == 1
    assert incident_name(received()) == incident_name(received(annotations={"summary": "in other words"}))


def test_another_beginning_or_another_fingerprint_is_another_name() -> None:
    assert len({
        incident_name(received()), incident_name(received(starts_at="2026-01-01T00:00:01Z")),
        incident_name(received(labels={"pod": "web-1"})),
    }) == 3  # fmt: skip


@given(st.text(min_size=1))
def test_every_name_is_one_that_kubernetes_takes(name: str) -> None:
    name = name if name.strip() else "x"
    found = received(labels={"alertname": name}) if _is_name(name) else received()
    for digits in (10, 24):
        assert re.fullmatch(r"[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])", incident_name(found, digits))


def _is_name(name: str) -> bool:
    return bool(name.strip()) and not any(0xD800 <= ord(char) <= 0xDFFF for char in name)


# --- the spec


def test_the_alert_is_kept_as_it_was_sent() -> None:
    spec = built(labels={"severity": "page", "team": "shop"}, annotations={"runbook_url": "http://wiki/1"})["spec"]
    assert spec["alert"] | {"fingerprint": ""} == {
        "name": "InstanceDown", "fingerprint": "", "startsAt": "2026-01-01T00:00:00Z",
        "labels": {"alertname": "InstanceDown", "severity": "page", "team": "shop"},
        "annotations": {"runbook_url": "http://wiki/1"},
        "generatorURL": "http://prometheus:9090/graph?g0.expr=up",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("text", "severity"),
    [("critical", "Critical"), ("PAGE", "Critical"), ("error", "Critical"), ("Warning", "Warning"), ("warn", "Warning"),
     ("info", "Info"), ("none", "Info"), (" critical ", "Critical"), ("sev1", None), ("", None)],
)  # fmt: skip
def test_the_severity_is_that_of_the_label_where_it_is_known(text: str, severity: str | None) -> None:
    assert built(labels={"severity": text})["spec"].get("severity") == severity


@pytest.mark.parametrize(
    ("annotations", "summary"),
    [
        ({"summary": "It is down", "description": "no"}, "It is down"),
        ({"message": "It is\tdown \n at length"}, "It is down"),
        ({"description": "\n\nIt is down"}, "It is down"),
        ({"summary": " ", "message": "It is down"}, "It is down"),
        ({}, "InstanceDown on Deployment/web"),
    ],
)
def test_the_summary_is_what_the_alert_says_in_one_line(annotations: dict[str, str], summary: str) -> None:
    assert built(annotations=annotations, place=Place("shop", target=WEB))["spec"]["summary"] == summary


def test_the_target_is_named_where_one_was_found() -> None:
    found = built(place=Place("shop", target=WEB, target_reason="never shown"))
    assert found["spec"]["targetRef"] == {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}
    assert "annotations" not in found["metadata"]
    assert built(place=Place("shop", target=ObjectRef.to(NODE, "", "n1")))["spec"]["targetRef"]["apiVersion"] == "v1"


def test_reasons_are_annotations() -> None:
    found = built(place=Place("shop", "there is no namespace x", None, "two workloads"))
    assert found["metadata"]["annotations"] == {
        "paramedic.dev/namespace-reason": "there is no namespace x", "paramedic.dev/target-reason": "two workloads",
    }  # fmt: skip


def test_no_playbook_may_answer_an_alert_about_paramedic_itself() -> None:
    found = build_incident(received("ParamedicDown"), SHOP, own=True)
    assert found["metadata"]["annotations"] == {"paramedic.dev/no-playbook": "own alert"}


@pytest.mark.parametrize(
    ("name", "labels", "own"),
    [
        ("ParamedicNobodyLeads", {}, True),
        ("InstanceDown", {"app_kubernetes_io_name": "paramedic"}, True),
        ("InstanceDown", {"namespace": "ops", "service": "paramedic"}, True),
        ("InstanceDown", {"namespace": "ops", "service": "paramedic-metrics"}, True),
        ("InstanceDown", {"namespace": "shop", "service": "paramedic"}, False),
        ("InstanceDown", {"namespace": "ops", "service": "web"}, False),
    ],
)
def test_alerts_about_paramedic_itself_are_recognised(name: str, labels: dict[str, str], own: bool) -> None:
    assert is_own(received(name, labels=labels), "ops") is own


def test_an_incident_is_that_of_its_alert_alone() -> None:
    assert is_of(built(), received())
    assert not is_of(built(), received(starts_at="2026-01-02T00:00:00Z"))
    assert not is_of({"spec": {"summary": "opened by hand"}}, received())


# --- within bounds


def size(found: Object) -> int:
    return len(json.dumps(found, ensure_ascii=False).encode())


def test_the_known_labels_stay_when_not_all_can() -> None:
    labels = {f"a{at:04}": "x" for at in range(500)} | {"namespace": "shop", "severity": "critical"}
    found = built(labels=labels)
    kept = found["spec"]["alert"]["labels"]
    assert len(kept) == 64
    assert {"alertname", "namespace", "severity"} <= kept.keys()
    assert found["metadata"]["annotations"]["paramedic.dev/alert-cut"] == "left out: 439"


def test_a_long_value_is_shortened_and_the_cut_is_marked() -> None:
    found = built(labels={"path": "x" * 1_000_000}, annotations={"description": "y" * 1_000_000})
    assert len(found["spec"]["alert"]["labels"]["path"]) == 1024
    assert " … " in found["spec"]["alert"]["annotations"]["description"]
    assert found["metadata"]["annotations"]["paramedic.dev/alert-cut"] == "shortened: path, description"


@pytest.mark.parametrize("url", ["javascript:alert(1)", "http://x/" + "y" * 3000, "http://x/\ud7ff\x07"])
def test_an_address_that_leads_nowhere_good_is_left_out(url: str) -> None:
    found = built(generatorURL=url)
    assert "generatorURL" not in found["spec"]["alert"]
    assert found["metadata"]["annotations"]["paramedic.dev/alert-cut"] == "left out: 1"


_TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=50).flatmap(
    lambda text: st.sampled_from([1, 40, 3000]).map(lambda times: text * times)
)
_TEXTS = st.dictionaries(_TEXT, _TEXT, max_size=120)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.large_base_example])
@given(_TEXTS, _TEXTS, _TEXT.filter(lambda text: bool(text.strip())), _TEXT)
def test_every_incident_is_valid_and_small(
    labels: dict[str, str], annotations: dict[str, str], name: str, url: str
) -> None:
    content = json.dumps(
        {
            "version": "4",
            "alerts": [alert(annotations=annotations, generatorURL=url) | {"labels": labels | {"alertname": name}}],
        }
    )
    (found,) = parse(content.encode()).alerts
    incident = build_incident(found, Place("shop", "r" * 5000, None, "r" * 5000))
    Incident.model_validate(incident)
    assert size(incident) < 32_000
    label = incident["metadata"].get("labels", {}).get("paramedic.dev/alert", "x")
    assert re.fullmatch(r"[A-Za-z0-9](?:[-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?", label)
