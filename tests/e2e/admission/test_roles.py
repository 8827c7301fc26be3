"""The roles of Kubernetes that the roles for people are added to."""

import pytest

from support.kube import Kube, KubectlFailed
from support.people import binding, eventually

pytestmark = pytest.mark.e2e

READS = {("get", "incidents"), ("get", "playbooks")}
RESPONDS = {("create", "incidents"), ("use", "playbooks"), ("acknowledge", "incidents"), ("cancel", "incidents")}
WRITES = {("create", "playbooks"), ("run-playbooks-as", "serviceaccounts")}
APPROVES = {("approve", "incidents")}
NOBODYS = {("delete", "incidents"), ("update", "incidents/status"), ("update", "playbooks/status")}


@pytest.mark.parametrize(
    ("role", "rights"),
    [
        ("view", READS),
        ("edit", READS | RESPONDS | WRITES),
        ("admin", READS | RESPONDS | WRITES | APPROVES),
    ],
)
def test_a_role_of_kubernetes_has_what_the_document_says(role: str, rights: set[tuple[str, str]], shop: Kube) -> None:
    shop.apply(binding("dora", role))
    dora = shop.acting_as("dora")
    for right in rights:
        eventually(lambda right=right: dora.run(*can_i(*right)))
    for right in (READS | RESPONDS | WRITES | APPROVES | NOBODYS) - rights:
        with pytest.raises(KubectlFailed):  # exit code 1, which is how can-i says no
            dora.run(*can_i(*right))


def can_i(verb: str, resource: str) -> tuple[str, ...]:
    name, _, subresource = resource.partition("/")
    return ("auth", "can-i", verb, name, *([f"--subresource={subresource}"] if subresource else []))
