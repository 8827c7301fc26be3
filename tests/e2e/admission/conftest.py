"""A namespace in which the API server checks what people do, by the policies of manifests/admission."""

import json
import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.kube import Kube, KubectlFailed
from support.objects import incident, playbook, step
from support.people import PEOPLE, Object, eventually, opens, plan, wish

POLICIES = Path(__file__).parent
LABEL = {"paramedic.dev/people-are-checked": "true"}
RIGHTS = (
    ("rita", "acknowledge", "incidents"),
    ("bob", "approve", "incidents"),
    ("carol", "approve", "incidents"),
    ("ed", "run-playbooks-as", "serviceaccounts"),
)


@pytest.fixture(scope="module")
def policies(installed: Kube) -> Iterator[Kube]:
    installed.run("apply", "-k", str(POLICIES))
    yield installed
    installed.run("delete", "-k", str(POLICIES), "--ignore-not-found")


@pytest.fixture
def shop(policies: Kube) -> Iterator[Kube]:
    """A namespace in which people are checked: rita responds, alice and bob approve, ed writes playbooks, and eve has
    RBAC's rights to write, but none of our verbs.
    """
    name = "t-" + os.urandom(4).hex()
    policies.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": LABEL}})
    shop = policies.within(name)
    shop.apply(*PEOPLE)
    wait_until_in_force(shop)
    yield shop
    policies.run("delete", "namespace", name, "--wait=false")


def wait_until_in_force(shop: Kube, seconds: float = 30) -> None:
    """The API server learns of policies and of roles a moment after they are stored."""
    probes = {
        "paramedic-open": ("alice", incident("probe", "web", "any", openedBy="nobody")),
        "paramedic-respond": ("alice", incident("probe", "web", "any", notes=[{"by": "nobody", "text": "x"}])),
        "paramedic-approve": ("alice", incident("probe", "web", "any", undo=[wish("mend", "nobody")])),
        "paramedic-playbooks": ("eve", playbook("probe", step("look", "workloadStatus"))),
    }
    deadline = time.monotonic() + seconds
    waiting = dict(probes)
    while waiting and time.monotonic() < deadline:
        for policy, (user, obj) in list(waiting.items()):
            if f"ValidatingAdmissionPolicy '{policy}'" in said(shop.acting_as(user), obj, "create", "--dry-run=server"):
                del waiting[policy]
    assert not waiting, f"not in force within {seconds} s: {', '.join(waiting)}"
    for user, verb, resource in RIGHTS:
        person = shop.acting_as(user)
        eventually(lambda person=person, verb=verb, resource=resource: person.run("auth", "can-i", verb, resource))


def said(kube: Kube, obj: Object, *arguments: str) -> str:
    """What kubectl says, whether it worked or not."""
    try:
        return kube.run(*arguments, "-f", "-", stdin=json.dumps(obj))
    except KubectlFailed as refusal:
        return str(refusal)


@pytest.fixture
def down(shop: Kube) -> Kube:
    """An incident that rita opened, and that waits for an approval of its step rollback."""
    opens(shop, "rita", incident("down", "web", "any"))
    plan(shop)
    return shop
