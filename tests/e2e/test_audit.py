"""Who wrote what, by the API server's own audit log, of a whole run with the operator's real account and rights."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from support.kube import Kube
from support.objects import deployment, incident, playbook, step, with_image
from support.operator_process import Operator

pytestmark = pytest.mark.e2e

ROOT = Path(__file__).resolve().parents[2]
OPERATOR = "system:serviceaccount:paramedic-system:paramedic"
#: Its own kinds, and questions about its own rights, which write nothing.
OWN = {"incidents/status", "playbooks/status", "events", "leases", "selfsubjectaccessreviews"}
WRITES = {"create", "update", "patch", "delete", "deletecollection"}


@pytest.fixture(scope="module")
def audit_log(request: pytest.FixtureRequest, installed: Kube) -> Path:
    """The audit log of the test cluster."""
    name = request.config.getoption("cluster_name")
    for candidate in (name, "core"):
        done = subprocess.run(
            [sys.executable, str(ROOT / "dev" / "localkind"), "get", "audit-log", "--name", candidate],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        if done.returncode == 0:
            return Path(done.stdout.strip())
    pytest.skip("this cluster is not one of dev/localkind, so its audit log cannot be read")


@pytest.fixture
def installed_operator(shop: Kube) -> str:
    """A kubeconfig of the operator's own account, with the rights of manifests/ and not one more."""
    shop.within("paramedic-system").run("apply", "-k", str(ROOT / "manifests" / "base"))
    shop.run("apply", "-k", str(ROOT / "manifests" / "responder"))
    token = shop.within("paramedic-system").run("create", "token", "paramedic", "--duration=1h").strip()
    config = json.loads(shop.run("config", "view", "--raw", "-o", "json", "--minify"))
    config["users"][0]["user"] = {"token": token}
    return json.dumps(config)


def test_every_write_to_a_workload_is_the_accounts_and_the_operator_writes_only_its_own_kinds(
    shop: Kube, installed_operator: str, start_operator: Callable[..., Operator], audit_log: Path, tmp_path: Path
) -> None:
    kubeconfig = tmp_path / "operator.kubeconfig"
    kubeconfig.write_text(installed_operator)
    begun = audit_log.stat().st_size
    good = deployment("web")
    shop.apply(good)
    shop.rolled_out("deployment/web")
    shop.apply(with_image(good, "localhost/web:broken"))
    shop.wait_for("deployment", "web", lambda obj: obj["status"].get("unavailableReplicas"))
    # The lease lives where the operator's Role lets it.
    operator = Operator(
        str(kubeconfig), shop.namespace, tmp_path / "operator.log", "--lease-namespace=paramedic-system"
    )
    operator.start()
    try:
        steps = (
            step("evidence", "collectEvidence"),
            step("contain", "isolate", {"ttl": "1h"}, undo="OnResolve"),
            step("back", "rollback"),
            step("restart", "rollingRestart"),
        )
        shop.apply(playbook("everything", *steps), incident("bad-image", "web", "everything"))
        found = shop.incident_in("bad-image", "Resolved", "Failed", seconds=120)
        assert found["status"]["phase"] == "Resolved", found["status"]["message"]
    finally:
        operator.stop()

    written = [item for item in _entries(audit_log, begun) if item["verb"] in WRITES and _by_operator(item)]
    as_account = {_resource(item) for item in written if _account(item)}
    as_itself = {_resource(item) for item in written if not _account(item)}
    assert as_itself <= OWN, as_itself - OWN
    assert {_account(item) for item in written if _account(item)} == {
        f"system:serviceaccount:{shop.namespace}:responder"
    }
    assert as_account == {"deployments", "secrets", "networkpolicies", "pods", "selfsubjectaccessreviews"}
    dry = {item["requestURI"] for item in written if _resource(item) == "pods"}
    assert all("dryRun=All" in uri for uri in dry)


def _entries(path: Path, begun: int) -> list[dict]:
    with path.open("rb") as log:
        log.seek(begun)
        return [json.loads(line) for line in log.read().splitlines() if line.strip()]


def _by_operator(item: dict) -> bool:
    return item["user"]["username"] == OPERATOR and item["stage"] == "ResponseComplete"


def _account(item: dict) -> str:
    return str(item.get("impersonatedUser", {}).get("username", ""))


def _resource(item: dict) -> str:
    ref = item.get("objectRef", {})
    return "/".join(part for part in (ref.get("resource"), ref.get("subresource")) if part)


def test_the_operators_own_rights_hold_no_workload_write_and_no_secret(shop: Kube, installed_operator: str) -> None:
    kube = shop
    for verb, resource in (
        ("patch", "deployments"),
        ("delete", "pods"),
        ("list", "secrets"),
        ("create", "networkpolicies"),
    ):
        answer = _can(kube, verb, resource)
        assert answer == "no", f"{verb} {resource}: {answer}"
    assert _can(kube, "update", "incidents/status") == "yes"


def _can(kube: Kube, verb: str, resource: str) -> str:
    try:
        name, _, sub = resource.partition("/")
        options = [f"--subresource={sub}"] if sub else []
        return kube.run("auth", "can-i", verb, name, *options, f"--as={OPERATOR}").strip()
    except AssertionError as refusal:
        return str(refusal).strip().splitlines()[-1] or "no"
