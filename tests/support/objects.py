"""Objects for tests: a web application, an account, playbooks and incidents."""

import copy
from typing import Any

Object = dict[str, Any]
ACCOUNT = "responder"
API = "paramedic.dev/v1alpha1"


def workload(kind: str, name: str, image: str = "localhost/web:v1", *, replicas: int = 3, **spec: Any) -> Object:
    """A Deployment, StatefulSet or DaemonSet of one container."""
    labels = {"app": name}
    template = {
        "metadata": {"labels": labels},
        "spec": {"containers": [{"name": "web", "image": image, "imagePullPolicy": "IfNotPresent"}]},
    }
    body: Object = {"selector": {"matchLabels": labels}, "template": template}
    if kind != "DaemonSet":
        body["replicas"] = replicas
    if kind == "StatefulSet":
        body["serviceName"] = name
    return {"apiVersion": "apps/v1", "kind": kind, "metadata": {"name": name}, "spec": body | spec}


def deployment(name: str, image: str = "localhost/web:v1", **spec: Any) -> Object:
    return workload("Deployment", name, image, **spec)


def secret(name: str, **values: str) -> Object:
    return {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, "stringData": values}


def reading(obj: Object, secret_name: str, key: str) -> Object:
    """The same workload, whose Pods get one value of a Secret."""
    changed = copy.deepcopy(obj)
    source = {"secretKeyRef": {"name": secret_name, "key": key}}
    changed["spec"]["template"]["spec"]["containers"][0]["env"] = [{"name": "VALUE", "valueFrom": source}]
    return changed


def playbook(name: str, *steps: Object, account: str = ACCOUNT, **spec: Any) -> Object:
    """A playbook whose recovery must hold for one second, so that tests need not wait."""
    body: Object = {
        "serviceAccountName": account,
        "steps": list(steps),
        "recovery": {"stableFor": "1s", "timeout": "30s"},
    }
    return {"apiVersion": API, "kind": "Playbook", "metadata": {"name": name}, "spec": body | spec}


def step(name: str, action: str, parameters: Object | None = None, **options: Any) -> Object:
    renamed = {"if_": "if"}
    return {"name": name, action: parameters or {}} | {renamed.get(key, key): value for key, value in options.items()}


def incident(name: str, target: str, playbook_name: str, *, kind: str = "Deployment", **spec: Any) -> Object:
    version = "v1" if kind in ("Pod", "Node") else "apps/v1"
    body: Object = {
        "summary": "it does not answer",
        "targetRef": {"apiVersion": version, "kind": kind, "name": target},
        "playbookRef": {"name": playbook_name},
    }
    return {"apiVersion": API, "kind": "Incident", "metadata": {"name": name}, "spec": body | spec}


def with_image(obj: Object, image: str) -> Object:
    """The same workload with another image."""
    changed = copy.deepcopy(obj)
    changed["spec"]["template"]["spec"]["containers"][0]["image"] = image
    return changed


def account_with(*roles: str, name: str = ACCOUNT) -> list[Object]:
    """A ServiceAccount bound to the roles of these actions, in lower case, such as `rollback`."""
    group = "rbac.authorization.k8s.io"
    account = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": name}}
    bindings = [
        {
            "apiVersion": f"{group}/v1",
            "kind": "RoleBinding",
            "metadata": {"name": f"{name}-{role}"},
            "roleRef": {"apiGroup": group, "kind": "ClusterRole", "name": f"paramedic-action-{role}"},
            "subjects": [{"kind": "ServiceAccount", "name": name}],
        }
        for role in roles
    ]
    return [account, *bindings]


ALL_ROLES = (
    "look",
    "workloadstatus",
    "diagnose",
    "collectevidence",
    "rollingrestart",
    "rollback",
    "scale",
    "patch",
    "runjob",
    "deletepods",
    "drain",
    "isolate",
    "blockips",
    "lockaccount",
    "rotatesecret",
    "snapshotvolumes",
)
