"""Permissions know what a RoleBinding can grant, and what it cannot."""

import pytest

from paramedic.cluster.api import access_attributes
from paramedic.model.permissions import Permission, granting
from paramedic.model.references import NODE, POD

HERE = Permission.to("create", POD, "eviction")
EVERYWHERE = Permission.to("create", POD, "eviction", everywhere=True)
ON_NODES = Permission.to("patch", NODE)


@pytest.mark.parametrize(
    ("permission", "said", "clusterwide"),
    [
        (HERE, "create pods/eviction", False),
        (EVERYWHERE, "create pods/eviction in all namespaces", True),
        (ON_NODES, "patch nodes", True),
    ],
)
def test_a_permission_says_where_it_holds(permission: Permission, said: str, clusterwide: bool) -> None:
    assert (str(permission), permission.clusterwide) == (said, clusterwide)


def test_the_same_right_here_and_everywhere_are_two() -> None:
    assert HERE != EVERYWHERE


def test_what_no_role_binding_can_grant_is_asked_about_the_whole_cluster() -> None:
    assert access_attributes(HERE, "shop")["namespace"] == "shop"
    assert "namespace" not in access_attributes(EVERYWHERE, "shop")
    assert "namespace" not in access_attributes(ON_NODES, "shop")


@pytest.mark.parametrize(
    ("permissions", "kinds"),
    [
        ([HERE], "a Role and a RoleBinding"),
        ([ON_NODES], "a ClusterRole and a ClusterRoleBinding"),
        ([ON_NODES, HERE], "a Role and a RoleBinding, and a ClusterRole and a ClusterRoleBinding"),
    ],
)
def test_it_is_said_what_kinds_of_objects_grant_them(permissions: list[Permission], kinds: str) -> None:
    assert granting(permissions) == kinds
