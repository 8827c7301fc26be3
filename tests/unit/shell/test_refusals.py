"""The API server's 403, in words that say what is missing and who must grant it."""

import pytest

from paramedic.cluster.refusals import explain_refusal
from paramedic.cluster.transport import ApiError

ACCOUNT = "system:serviceaccount:shop:responder"


@pytest.mark.parametrize(
    ("message", "user", "told"),
    [
        (
            f'deployments.apps "web" is forbidden: User "{ACCOUNT}" cannot patch resource "deployments" in API group "apps"'
            ' in the namespace "shop"',
            ACCOUNT,
            'ServiceAccount responder in namespace shop may not "patch deployments.apps"; grant it with a Role and a RoleBinding',
        ),
        (
            'serviceaccounts "responder" is forbidden: User "op" cannot impersonate-on:serviceaccount:get resource "pods" in'
            ' API group "" in the namespace "shop"',
            ACCOUNT,
            "the operator may not act as ServiceAccount responder in namespace shop (impersonate-on:serviceaccount:get on pods);"
            " grant it as manifests/base and manifests/responder show",
        ),
        (
            f'nodes "n1" is forbidden: User "{ACCOUNT}" cannot patch resource "nodes" in API group "" at the cluster scope',
            ACCOUNT,
            'ServiceAccount responder in namespace shop may not "patch nodes"; grant it with a ClusterRole and a ClusterRoleBinding',
        ),
        (
            'pods "x" is forbidden: exceeded quota: few',
            ACCOUNT,
            'the API server refuses ServiceAccount responder in namespace shop: pods "x" is forbidden: exceeded quota: few',
        ),
    ],
)
def test_a_refusal_names_verb_resource_and_account(message: str, user: str, told: str) -> None:
    assert explain_refusal(ApiError(403, "Forbidden", message), user) == told
