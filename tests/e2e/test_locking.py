"""lockAccount on a real API server: rights are gone at once, come back, and are not taken where they could not come back."""

from collections.abc import Callable

import pytest

from e2e.test_requests import Endpoint, endpoint
from support.kube import Kube, KubectlFailed
from support.objects import deployment, incident, playbook, step
from support.operator_process import Operator

pytestmark = pytest.mark.e2e
__all__ = ["endpoint"]

HOLD = "paramedic.dev/hold=lockAccount"


@pytest.fixture
def web(shop: Kube) -> Kube:
    """A namespace whose ServiceAccount `web` may read Pods by a binding, of whose role `responder` holds the rights."""
    shop.apply(deployment("web"))
    shop.rolled_out("deployment/web")
    shop.run("create", "serviceaccount", "web")
    shop.run("create", "role", "reads", "--verb=list", "--resource=pods")
    shop.run("create", "rolebinding", "reads", "--role=reads", f"--serviceaccount={shop.namespace}:web", "--user=alice")
    return shop


def may(web: Kube, user: str = "") -> bool:
    """Whether the account may list Pods, as the API server says."""
    who = user or f"system:serviceaccount:{web.namespace}:web"
    try:
        return web.run("auth", "can-i", "list", "pods", f"--as={who}").strip() == "yes"
    except KubectlFailed:
        return False


def locking(**more: object) -> dict:
    options = {key: more.pop(key) for key in ("undo",) if key in more}
    return step("lock", "lockAccount", {"serviceAccount": "web", "ttl": "1h"} | more, **options)


def locked(web: Kube, *steps: dict) -> dict:
    web.apply(playbook("lock", *(steps or [locking()])), incident("breach", "web", "lock"))
    found: dict = web.incident_in("breach", "Resolved", "Failed")["status"]
    return found


def test_the_rights_of_an_account_are_gone_at_once_and_come_back_when_it_is_undone(
    web: Kube, operator: Operator
) -> None:
    assert may(web)
    hold = step("hold", "manual", {"instructions": "look around"})
    web.apply(playbook("lock", locking(undo="OnResolve"), hold), incident("breach", "web", "lock"))
    status = web.incident_in("breach", "Waiting")["status"]
    assert not may(web) and may(web, "alice")
    assert status["steps"][0]["outputs"]["bindings"] == ["RoleBinding/reads"]

    web.patch("incident", "breach", {"spec": {"approvals": [{"step": "hold", "decision": "Done", "by": "alice"}]}})
    found = web.incident_in("breach", "Resolved", "Failed")["status"]
    assert found["phase"] == "Resolved", found["message"]
    assert found["steps"][0]["state"] == "Undone"
    assert may(web)


def test_a_lock_outlives_its_incident_and_ends_at_its_ttl(web: Kube, operator: Operator) -> None:
    status = locked(web, locking(ttl="6s"))
    assert status["phase"] == "Resolved", status["message"]
    web.run("delete", "incident", "breach")
    assert not may(web)
    web.wait_for("rolebinding", "reads", lambda obj: len(obj["subjects"]) == 2, seconds=60)
    assert may(web)
    web.wait_for("namespace", web.namespace, lambda _: not web.list("leases", "-l", HOLD))


def test_what_the_playbooks_account_could_not_put_back_is_not_taken_away(web: Kube, operator: Operator) -> None:
    web.run("create", "rolebinding", "edits", "--clusterrole=edit", f"--serviceaccount={web.namespace}:web")
    status = locked(web)
    assert status["phase"] == "Failed"
    assert "RoleBinding/edits could not be put back: it binds ClusterRole edit" in status["message"]
    assert 'grant it "bind clusterroles.rbac.authorization.k8s.io named edit"' in status["message"]
    assert may(web) and web.list("leases", "-l", HOLD) == []

    web.run(
        "create",
        "role",
        "binds",
        "--verb=bind",
        "--resource=clusterroles.rbac.authorization.k8s.io",
        "--resource-name=edit",
    )
    web.run("create", "rolebinding", "binds", "--role=binds", f"--serviceaccount={web.namespace}:responder")
    web.apply(incident("again", "web", "lock"))
    found = web.incident_in("again", "Resolved", "Failed")["status"]
    assert found["phase"] == "Resolved", found["message"]
    assert found["steps"][0]["outputs"]["bindings"] == ["RoleBinding/edits", "RoleBinding/reads"]
    assert not may(web)


def test_an_operator_that_is_killed_right_after_it_took_one_binding_takes_the_other_and_no_more(
    web: Kube, operator: Operator
) -> None:
    web.run("create", "rolebinding", "more", "--role=reads", f"--serviceaccount={web.namespace}:web")
    web.apply(playbook("lock", locking()), incident("breach", "web", "lock"))
    web.wait_for("rolebinding", "more", lambda obj: not obj.get("subjects"))
    operator.kill()
    operator.start()
    found = web.incident_in("breach", "Resolved", "Failed")["status"]
    assert found["phase"] == "Resolved", found["message"]
    assert not may(web) and may(web, "alice")


@pytest.mark.parametrize(
    ("params", "says"),
    [
        ({"serviceAccount": "responder"}, "is the account that this playbook acts as"),
        ({"serviceAccount": "wbe"}, "there is no ServiceAccount wbe"),
    ],
)
def test_who_is_needed_or_not_there_is_not_locked(web: Kube, operator: Operator, params: dict, says: str) -> None:
    status = locked(web, step("lock", "lockAccount", params))
    assert status["phase"] == "Failed" and says in status["message"]


def test_two_accounts_at_once_are_refused_before_the_night(web: Kube, operator: Operator) -> None:
    web.apply(playbook("lock", step("lock", "lockAccount", {"serviceAccount": "web", "user": "alice"})))
    found = web.wait_for("playbook", "lock", lambda obj: obj.get("status", {}).get("conditions"))
    ready = next(item for item in found["status"]["conditions"] if item["type"] == "Ready")
    assert ready["status"] == "False"
    assert "it names serviceAccount and user; name exactly one" in ready["message"]


def test_an_identity_provider_locks_and_unlocks_although_the_incident_was_deleted(
    web: Kube, endpoint: Endpoint, start_operator: Callable[..., Operator]
) -> None:
    start_operator(web, f"--http-allow={endpoint.url}")
    provider = {
        "account": "alice",
        "lock": {"url": f"{endpoint.url}/lock", "body": {"user": "alice"}},
        "unlock": {"url": f"{endpoint.url}/unlock", "method": "PUT", "body": {"user": "alice"}},
    }
    status = locked(web, step("lock", "lockAccount", {"provider": provider, "ttl": "6s"}))
    assert status["phase"] == "Resolved", status["message"]
    assert [path for _, path, _, _ in endpoint.received] == ["/lock"]
    web.run("delete", "incident", "breach")
    web.wait_for("namespace", web.namespace, lambda _: len(endpoint.received) == 2, seconds=60)
    assert endpoint.received[1][:2] == ("PUT", "/unlock")
