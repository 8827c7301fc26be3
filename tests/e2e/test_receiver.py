"""The alert receiver of a real operator on a real API server: one Incident for each alert, whatever happens meanwhile."""

import json
import re
import ssl
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import trustme

from support.alerts import HOSTILE_TEXTS, Object, Sender, alert, body, resolved
from support.kube import Kube
from support.objects import deployment
from support.operator_process import Operator, free_port
from support.proxy import FaultProxy, Moment

pytestmark = pytest.mark.e2e

ROOT = Path(__file__).resolve().parents[2]
LATER = "2026-01-01T01:00:00Z"
Start = Callable[..., tuple[Operator, Sender]]


@pytest.fixture
def start_receiver(start_operator: Callable[..., Operator]) -> Start:
    """Starts an operator that receives alerts on loopback, where it needs no token."""

    def start(kube: Kube, *options: str, kubeconfig: str | None = None) -> tuple[Operator, Sender]:
        port = free_port()
        operator = start_operator(kube, f"--receiver=127.0.0.1:{port}", *options, kubeconfig=kubeconfig)
        return operator, Sender(port)

    return start


def in_namespace(kube: Kube, *args: str, build: Callable[..., Object] = alert, **fields: object) -> Object:
    labels = {"namespace": kube.namespace} | fields.pop("labels", {})  # type: ignore[operator]
    return build(*args, labels=labels, **fields)


def only_incident(kube: Kube) -> Object:
    (found,) = kube.list("incidents")
    return found


def state_of(kube: Kube) -> Object:
    found: Object = only_incident(kube).get("status", {}).get("alert", {})
    return {key: found[key] for key in ("state", "endsAt") if key in found}


def test_an_alert_becomes_an_incident_of_the_workload_that_its_labels_name(
    namespace: Kube, start_receiver: Start
) -> None:
    namespace.apply(deployment("web"))
    _, sender = start_receiver(namespace)
    labels = {"deployment": "web", "severity": "critical", "pod": "gone-1"}
    down = in_namespace(namespace, labels=labels, annotations={"summary": "web answers 502"})

    status, answer = sender.send(body(down))

    found = only_incident(namespace)
    assert (status, answer["alerts"][0]["result"]) == (200, "Created")
    assert answer["alerts"][0]["incident"] == f"{namespace.namespace}/{found['metadata']['name']}"
    assert re.fullmatch(r"instancedown-[0-9a-f]{10}", found["metadata"]["name"])
    assert found["spec"]["targetRef"] == {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}
    assert (found["spec"]["summary"], found["spec"]["severity"]) == ("web answers 502", "Critical")
    assert found["spec"]["alert"]["labels"] == down["labels"]
    seen = namespace.wait_for("incident", found["metadata"]["name"], lambda obj: obj.get("status", {}).get("phase"))
    assert seen["status"]["target"] == "Deployment/web"


@pytest.fixture
def nobody_leads(namespace: Kube) -> None:
    """The Lease is held by somebody who never works, so that no incident comes to an end."""
    spec = {"holderIdentity": "nobody", "leaseDurationSeconds": 3600, "renewTime": "2099-01-01T00:00:00.000000Z"}
    meta = {"name": "paramedic"}
    namespace.apply({"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": meta, "spec": spec})


def test_the_state_of_the_alert_follows_what_alertmanager_says_although_nobody_leads(
    namespace: Kube, nobody_leads: None, start_receiver: Start
) -> None:
    operator, sender = start_receiver(namespace)
    firing, ended = in_namespace(namespace), in_namespace(namespace, build=resolved)

    assert sender.results(ended) == ["NothingToResolve"]
    assert namespace.list("incidents") == []
    assert sender.results(firing) == ["Created"]
    assert sender.results(firing, ended) == ["Exists", "Resolved"]
    assert state_of(namespace) == {"state": "Resolved", "endsAt": "2026-01-01T00:05:00Z"}
    assert sender.results(firing) == ["Reopened"]
    assert state_of(namespace) == {"state": "Firing"}
    assert sender.results(in_namespace(namespace, starts_at=LATER)) == ["Attached"]
    assert sender.results(ended) == ["NothingToResolve"]
    assert state_of(namespace) == {"state": "Firing"}
    assert "paramedic_leader 0.0" in operator.metrics()


def test_an_alert_that_resolves_before_anything_was_done_ends_its_incident(
    namespace: Kube, start_receiver: Start
) -> None:
    _, sender = start_receiver(namespace)
    assert sender.results(in_namespace(namespace)) == ["Created"]
    name = only_incident(namespace)["metadata"]["name"]
    namespace.wait_for("incident", name, lambda obj: obj.get("status", {}).get("phase") == "Pending")

    assert sender.results(in_namespace(namespace, build=resolved)) == ["Resolved"]

    found = namespace.incident_in(name, "Resolved")
    assert "the alert resolved by itself at 2026-01-01T00:05:00Z" in found["status"]["message"]
    assert sender.results(in_namespace(namespace)) == ["Exists"]
    assert sender.results(in_namespace(namespace, starts_at=LATER)) == ["Created"]


def test_a_thousand_copies_at_two_replicas_are_one_incident(namespace: Kube, start_receiver: Start) -> None:
    senders = [start_receiver(namespace)[1] for _ in range(2)]
    content = body(in_namespace(namespace))

    def send(at: int) -> tuple[int, str]:
        status, answer = senders[at % 2].send(content)
        return status, answer["alerts"][0]["result"]

    with ThreadPoolExecutor(64) as pool:
        answers = Counter(pool.map(send, range(1000)))

    assert answers == {(200, "Created"): 1, (200, "Exists"): 999}
    only_incident(namespace)


def test_a_storm_of_distinct_alerts_is_stored_whole(namespace: Kube, start_receiver: Start) -> None:
    operator, sender = start_receiver(namespace)
    storm = [in_namespace(namespace, labels={"pod": f"web-{at}"}) for at in range(500)]

    with ThreadPoolExecutor(32) as pool:
        answers = Counter(pool.map(lambda found: sender.send(body(found))[0], storm))

    assert answers == {200: 500}
    assert len(namespace.list("incidents")) == 500
    assert 'paramedic_alerts_total{result="Created"} 500.0' in operator.metrics()


def test_a_restart_in_between_forgets_nothing(namespace: Kube, start_receiver: Start) -> None:
    operator, sender = start_receiver(namespace)
    firing, ended = in_namespace(namespace), in_namespace(namespace, build=resolved)
    assert sender.results(firing) == ["Created"]

    operator.stop()
    with pytest.raises(OSError, match="refused"):
        sender.send(body(ended))
    operator.start()

    assert sender.results(firing, ended) == ["Exists", "Resolved"]
    only_incident(namespace)


@pytest.fixture
def proxy(real_kubeconfig: str) -> Iterator[FaultProxy]:
    found = FaultProxy(real_kubeconfig).start()
    yield found
    found.stop()


@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_kill_around_the_create_loses_nothing_and_stores_nothing_twice(
    namespace: Kube, proxy: FaultProxy, start_receiver: Start, moment: Moment
) -> None:
    operator, sender = start_receiver(namespace, kubeconfig=proxy.kubeconfig())
    firing = in_namespace(namespace)
    proxy.arm(1, moment, operator.kill)

    with pytest.raises(OSError):
        sender.send(body(firing))
    assert proxy.struck
    assert len(namespace.list("incidents")) == (moment == "after")
    operator.start()

    assert sender.results(firing) == ["Created" if moment == "before" else "Exists"]
    only_incident(namespace)


@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_create_that_is_not_answered_is_503_and_the_repetition_finds_it(
    namespace: Kube, proxy: FaultProxy, start_receiver: Start, moment: Moment
) -> None:
    _, sender = start_receiver(namespace, kubeconfig=proxy.kubeconfig())
    firing = in_namespace(namespace)
    proxy.arm(1, moment, lambda: None)

    status, answer = sender.send(body(firing))

    assert status == 503
    assert answer["alerts"][0]["result"] == "Unavailable"
    assert answer["error"].startswith("1 of 1 alert could not be stored: the API server does not answer: ")
    assert sender.results(firing) == ["Created" if moment == "before" else "Exists"]
    only_incident(namespace)


def test_the_crd_takes_every_hostile_text(namespace: Kube, start_receiver: Start) -> None:
    _, sender = start_receiver(namespace)
    texts = [text * times for text in HOSTILE_TEXTS for times in (1, 50) if text and len(text) * times < 5_000]
    wrapped = [
        in_namespace(
            namespace, f"Hostile{at}",
            labels={"text": text, text: text, "pod": text, "deployment": text, "severity": text},
            annotations={"summary": text, text: text}, generatorURL=text,
        )
        for at, text in enumerate(texts)
    ]  # fmt: skip
    many = {f"label_{at}": "é" * 1500 for at in range(50)}
    wrapped.append(in_namespace(namespace, "Many", labels=many, annotations=many))
    wrapped += [alert(text, labels={"namespace": namespace.namespace}) for text in texts if text.strip()]

    for at in range(0, len(wrapped), 10):
        assert set(sender.results(*wrapped[at : at + 10])) == {"Created"}

    found = namespace.list("incidents")
    assert len(found) == len(wrapped)
    assert max(len(json.dumps(item["spec"], ensure_ascii=False).encode()) for item in found) < 26_000
    shown = namespace.run("get", "incidents", "-o", "wide")
    assert "\x1b" not in shown


# --- who is let in


def test_tokens_are_rotated_without_a_restart(namespace: Kube, start_receiver: Start, tmp_path: Path) -> None:
    tokens = tmp_path / "tokens"
    tokens.write_text("first\n")
    operator, sender = start_receiver(namespace, f"--receiver-token-file={tokens}")
    content = body(in_namespace(namespace))

    assert sender.send(content) == (401, {"error": "send the header Authorization: Bearer TOKEN"})
    sender.token = "second"
    assert sender.send(content) == (401, {"error": "the token is not one that is known here"})
    assert namespace.list("incidents") == []

    tokens.write_text("first\nsecond\n")
    assert sender.results(in_namespace(namespace)) == ["Created"]
    tokens.write_text("second\n")
    assert Sender(sender.port, "first").send(content)[0] == 401
    assert 'paramedic_receiver_refused_total{reason="unauthorized"} 3.0' in operator.metrics()


def test_alerts_are_received_over_https(
    namespace: Kube, start_operator: Callable[..., Operator], tmp_path: Path
) -> None:
    authority = trustme.CA()
    issued = authority.issue_cert("127.0.0.1")
    issued.cert_chain_pems[0].write_to_path(str(tmp_path / "tls.crt"))
    issued.private_key_pem.write_to_path(str(tmp_path / "tls.key"))
    port = free_port()
    pair = (f"--receiver-cert={tmp_path / 'tls.crt'}", f"--receiver-key={tmp_path / 'tls.key'}")
    start_operator(namespace, f"--receiver=127.0.0.1:{port}", *pair)
    context = ssl.create_default_context()
    authority.configure_trust(context)

    request = urllib.request.Request(f"https://127.0.0.1:{port}/v1/alertmanager", body(in_namespace(namespace)))
    with urllib.request.urlopen(request, timeout=10, context=context) as answer:
        assert answer.status == 200
    only_incident(namespace)


def test_a_token_file_that_is_not_there_keeps_the_operator_from_starting(namespace: Kube, tmp_path: Path) -> None:
    log = tmp_path / "operator.log"
    options = (f"--receiver=127.0.0.1:{free_port()}", f"--receiver-token-file={tmp_path / 'none'}")
    operator = Operator(
        namespace.kubeconfig, namespace.namespace, log, f"--lease-namespace={namespace.namespace}", *options
    )
    operator.start(wait=False)
    assert operator.wait() == 1
    assert f"Error: the token file {tmp_path / 'none'} cannot be read" in operator.log


# --- with the rights of manifests/ and not one more


@pytest.fixture
def own_account(namespace: Kube, tmp_path: Path) -> str:
    """A kubeconfig of the operator's own account, as manifests/overlays/receiver grants it."""
    system = namespace.within("paramedic-system")
    system.run("apply", "-k", str(ROOT / "manifests" / "base"))
    system.run("apply", "-f", str(ROOT / "manifests" / "receiver" / "role.yaml"))
    config = json.loads(namespace.run("config", "view", "--raw", "-o", "json", "--minify"))
    config["users"][0]["user"] = {"token": system.run("create", "token", "paramedic", "--duration=1h").strip()}
    path = tmp_path / "own.kubeconfig"
    path.write_text(json.dumps(config))
    return str(path)


def test_the_rights_of_the_manifests_are_enough(namespace: Kube, own_account: str, start_receiver: Start) -> None:
    service = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "web"}}
    namespace.apply(deployment("web"), service | {"spec": {"selector": {"app": "web"}, "ports": [{"port": 80}]}})
    _, sender = start_receiver(
        namespace, "--namespace=", "--lease-namespace=paramedic-system", f"--default-namespace={namespace.namespace}",
        kubeconfig=own_account,
    )  # fmt: skip
    by_service = in_namespace(namespace, labels={"service": "web"})
    nowhere = alert("Nowhere", labels={"namespace": "not-there", "node": "kwok-node-0"})

    assert sender.results(by_service, nowhere) == ["Created", "Created"]
    assert sender.results(in_namespace(namespace, labels={"service": "web"}, build=resolved)) == ["Resolved"]

    found = {item["spec"]["alert"]["name"]: item for item in namespace.list("incidents")}
    assert found["InstanceDown"]["spec"]["targetRef"]["name"] == "web"
    assert found["Nowhere"]["spec"]["targetRef"] == {"apiVersion": "v1", "kind": "Node", "name": "kwok-node-0"}
    assert found["Nowhere"]["metadata"]["annotations"] == {
        "paramedic.dev/namespace-reason": "there is no namespace not-there"
    }


def test_a_namespace_decides_whether_it_takes_alerts(namespace: Kube, own_account: str, start_receiver: Start) -> None:
    namespace.run("label", "namespace", namespace.namespace, "paramedic.dev/alerts=Deny")
    other = f"{namespace.namespace}-other"
    namespace.run("create", "namespace", other)
    try:
        _, sender = start_receiver(
            namespace, "--namespace=", "--lease-namespace=paramedic-system", f"--default-namespace={other}",
            kubeconfig=own_account,
        )  # fmt: skip
        assert sender.results(in_namespace(namespace)) == ["Created"]
        assert namespace.list("incidents") == []

        namespace.run("label", "namespace", namespace.namespace, "paramedic.dev/alerts-")
        assert sender.results(in_namespace(namespace)) == ["Exists"]
        reason = only_incident(namespace.within(other))["metadata"]["annotations"]["paramedic.dev/namespace-reason"]
        assert reason.endswith("takes no incidents of alerts (label paramedic.dev/alerts: Deny)")
    finally:
        namespace.run("delete", "namespace", other, "--wait=false")
