"""What is in manifests/, as `kubectl apply -k` would send it, and what it grants."""

import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from support.kube import kubectl_path

ROOT = Path(__file__).resolve().parents[2]
Object = dict[str, Any]
Grant = tuple[str, str, str]  # group, resource, verb


def rendered(path: str) -> list[Object]:
    """What `kubectl apply -k` would send."""
    done = subprocess.run(
        [kubectl_path(), "kustomize", str(ROOT / path)], capture_output=True, text=True, timeout=60, check=False
    )
    assert not done.returncode, done.stderr
    return list(yaml.safe_load_all(done.stdout))


def of_kind(objects: list[Object], *kinds: str) -> list[Object]:
    return [obj for obj in objects if obj["kind"] in kinds]


def the(objects: list[Object], kind: str, name: str) -> Object:
    (found,) = [obj for obj in of_kind(objects, kind) if obj["metadata"]["name"] == name]
    return found


def grants_of(role: Object) -> Iterator[Grant]:
    for rule in role["rules"]:
        for group in rule["apiGroups"]:
            for resource in rule["resources"]:
                for verb in rule["verbs"]:
                    yield group, resource, verb


def operator_grants(path: str) -> set[Grant]:
    """What the operator's ServiceAccount is granted by the roles that are bound to it."""
    objects = rendered(path)
    roles = {(obj["kind"], obj["metadata"]["name"]): obj for obj in of_kind(objects, "Role", "ClusterRole")}
    bound = [
        roles[binding["roleRef"]["kind"], binding["roleRef"]["name"]]
        for binding in of_kind(objects, "RoleBinding", "ClusterRoleBinding")
        if {"kind": "ServiceAccount", "name": "paramedic", "namespace": "paramedic-system"} in binding["subjects"]
    ]
    assert bound
    return {grant for role in bound for grant in grants_of(role)}
