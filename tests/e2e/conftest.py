"""A namespace with an operator of its own, an account that may do everything the actions do, and a health endpoint."""

import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from support.kube import Kube
from support.objects import ALL_ROLES, account_with
from support.operator_process import Operator
from support.realnode import real_node


@pytest.fixture
def shop(namespace: Kube) -> Kube:
    """A namespace whose `responder` may do what every action needs."""
    namespace.apply(*account_with(*ALL_ROLES))
    return namespace


@pytest.fixture
def start_operator(tmp_path: Path) -> Iterator[Callable[..., Operator]]:
    """Starts operators; all end with the test."""
    running: list[Operator] = []

    def start(kube: Kube, *options: str, kubeconfig: str | None = None) -> Operator:
        log = tmp_path / f"operator-{kube.namespace}-{len(running)}.log"
        found = Operator(
            kubeconfig or kube.kubeconfig, kube.namespace, log, f"--lease-namespace={kube.namespace}", *options
        )
        running.append(found)
        return found.start()

    yield start
    for operator in running:
        operator.stop()


@pytest.fixture
def operator(shop: Kube, start_operator: Callable[..., Operator]) -> Operator:
    """An operator that works in this test's namespace."""
    return start_operator(shop)


@pytest.fixture(scope="session")
def real(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kube]:
    """A cluster with one real node, and the operator in a Pod of it."""
    with real_node(tmp_path_factory.mktemp("realnode")) as kube:
        yield kube


class HealthEndpoint:
    """An HTTP server on loopback whose answer a test sets."""

    def __init__(self) -> None:
        endpoint = self
        self.status = 200
        self.asked: list[str] = []

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                endpoint.asked.append(self.path)
                self.send_response(endpoint.status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None:
                """Says nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}/healthz"

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(5)


@pytest.fixture
def health() -> Iterator[HealthEndpoint]:
    endpoint = HealthEndpoint()
    yield endpoint
    endpoint.close()


@pytest.fixture
def volumes(shop: Kube) -> Iterator[list[str]]:
    """Two volumes that claims of this namespace can be bound to."""
    names = [f"{shop.namespace}-{number}" for number in range(2)]
    for name in names:
        shop.apply(
            {
                "apiVersion": "v1", "kind": "PersistentVolume", "metadata": {"name": name},
                "spec": {
                    "capacity": {"storage": "1Gi"}, "accessModes": ["ReadWriteOnce"], "storageClassName": shop.namespace,
                    "hostPath": {"path": "/nowhere"},
                },
            }
        )  # fmt: skip
    yield names
    shop.run("delete", "pv", *names, "--wait=false")


@pytest.fixture
def broken_restarts(shop: Kube) -> Iterator[None]:
    """From now on, what a restart starts in this namespace cannot pull its image: the registry is down."""
    group, name = "admissionregistration.k8s.io", f"registry-down-{shop.namespace}"
    spec = {
        "matchConstraints": {
            "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": shop.namespace}},
            "resourceRules": [{"apiGroups": [""], "apiVersions": ["v1"], "resources": ["pods"], "operations": ["CREATE"]}],
        },
        "matchConditions": [
            {
                "name": "restarted",
                "expression": "'kubectl.kubernetes.io/restartedAt' in object.metadata.?annotations.orValue({})",
            }
        ],
        "mutations": [
            {
                "patchType": "JSONPatch",
                "jsonPatch": {
                    "expression": "[JSONPatch{op: 'replace', path: '/spec/containers/0/image', value: 'localhost/web:missing'}]"
                },
            }
        ],
        "reinvocationPolicy": "Never",
    }  # fmt: skip
    policy = {
        "apiVersion": f"{group}/v1", "kind": "MutatingAdmissionPolicy", "metadata": {"name": name}, "spec": spec,
    }  # fmt: skip
    binding = {
        "apiVersion": f"{group}/v1", "kind": "MutatingAdmissionPolicyBinding", "metadata": {"name": name},
        "spec": {"policyName": name},
    }  # fmt: skip
    shop.apply(policy, binding)
    probe = {
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {"name": "probe", "annotations": {"kubectl.kubernetes.io/restartedAt": "now"}},
        "spec": {"containers": [{"name": "probe", "image": "localhost/web:v1"}]},
    }  # fmt: skip
    for _ in range(100):  # a policy takes a moment until the API server heeds it
        shop.apply(probe)
        image_of_probe = shop.get("pod", "probe")["spec"]["containers"][0]["image"]
        shop.run("delete", "pod", "probe", "--force")
        if image_of_probe == "localhost/web:missing":
            break
    yield
    shop.run("delete", "mutatingadmissionpolicy,mutatingadmissionpolicybinding", name)
