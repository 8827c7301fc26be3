"""What the tests about harm share: how a workload is put into a situation, and how to tell that nobody wrote to it."""

from support.kube import Kube
from support.objects import Object, incident, playbook, step

BROKEN = "localhost/web:broken"


def image(obj: Object) -> str:
    return str(obj["spec"]["template"]["spec"]["containers"][0]["image"])


def rolled_out(shop: Kube, obj: Object) -> Object:
    """The workload, applied and complete."""
    shop.apply(obj)
    name = obj["metadata"]["name"]
    shop.rolled_out(f"{obj['kind'].lower()}/{name}")
    return shop.get(obj["kind"], name)


def roll_back(shop: Kube, kind: str = "Deployment", **parameters: object) -> Object:
    """The status of an incident on `web` that is rolled back, once it has ended."""
    shop.apply(playbook("failure", step("back", "rollback", parameters)))
    shop.apply(incident("bad", "web", "failure", kind=kind))
    found: Object = shop.incident_in("bad", "Resolved", "Failed", seconds=90)["status"]
    return found


def waits(pod: Object) -> bool:
    statuses = pod.get("status", {}).get("containerStatuses", [])
    return any("reason" in status["state"].get("waiting", {}) for status in statuses)


def specs(shop: Kube) -> dict[str, object]:
    """What anybody but a controller or the kubelet may have written: it is the same where nobody has."""
    return {
        f"{item['kind']}/{item['metadata']['name']}": (
            item["metadata"]["uid"], item["metadata"].get("generation"), item["metadata"].get("annotations"),
            item["metadata"].get("labels"),
        )
        for item in shop.list("deployments,statefulsets,daemonsets,replicasets,controllerrevisions,pods,networkpolicies")
    }  # fmt: skip


def restart(shop: Kube, name: str = "slow", kind: str = "Deployment", **options: object) -> None:
    """Opens an incident on `web` that is to be restarted."""
    parameters = options.pop("parameters", None)
    shop.apply(playbook(name, step("restart", "rollingRestart", parameters, **options)))
    shop.apply(incident(name, "web", name, kind=kind))


def ended(shop: Kube, name: str = "slow", *phases: str) -> Object:
    found: Object = shop.incident_in(name, *(phases or ("Resolved", "Failed")), seconds=90)["status"]
    return found


def restarted_at(obj: Object) -> str:
    found = obj["spec"]["template"]["metadata"].get("annotations") or {}
    return str(found.get("kubectl.kubernetes.io/restartedAt", ""))


def least_available(shop: Kube, incident_name: str) -> int:
    """The fewest Pods of `web` that were available at any moment until the incident ended."""
    fewest = 10**6
    while True:
        fewest = min(fewest, shop.get("deployment", "web")["status"].get("availableReplicas", 0))
        if shop.get("incident", incident_name).get("status", {}).get("phase") in ("Resolved", "Failed"):
            return fewest


def broken_pods(shop: Kube) -> list[Object]:
    return [pod for pod in shop.list("pods", "-l", "app=web") if waits(pod)]


def quota(**hard: str) -> Object:
    return {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "few"}, "spec": {"hard": hard}}


def waits_for_approval(shop: Kube, name: str = "slow") -> str:
    found = shop.wait_for("incident", name, lambda obj: obj.get("status", {}).get("phase") in ("Waiting", "Failed"))
    assert found["status"]["phase"] == "Waiting", found["status"]["message"]
    return str(found["status"]["message"])
