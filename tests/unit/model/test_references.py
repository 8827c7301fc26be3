"""References to objects, and the addresses they are served under."""

import pytest

from paramedic.model.permissions import Permission
from paramedic.model.references import DEPLOYMENT, NAMESPACE, POD, ObjectRef, resource_of

WEB = ObjectRef("apps/v1", "Deployment", "shop", "web", "uid-web")


@pytest.mark.parametrize(
    ("path", "url"),
    [
        (DEPLOYMENT.path("shop", "web"), "/apis/apps/v1/namespaces/shop/deployments/web"),
        (DEPLOYMENT.path("shop"), "/apis/apps/v1/namespaces/shop/deployments"),
        (POD.path("shop", "web-1", "log"), "/api/v1/namespaces/shop/pods/web-1/log"),
        (NAMESPACE.path(None, "shop"), "/api/v1/namespaces/shop"),
    ],
)
def test_a_resource_knows_its_address(path: str, url: str) -> None:
    assert path == url


def test_a_kind_outside_the_table_is_refused() -> None:
    with pytest.raises(ValueError, match=r"Widget \(example.org/v1\) is not a kind that paramedic works on"):
        resource_of("example.org/v1", "Widget")


def test_a_reference_is_shown_as_kubectl_writes_it() -> None:
    assert (str(WEB), WEB.kubectl) == ("Deployment/web", "deployment/web -n shop")


def test_a_stored_reference_is_read_back_as_the_same() -> None:
    assert ObjectRef.load(WEB.dump()) == WEB


def test_a_reference_without_a_uid_stores_none() -> None:
    assert "uid" not in ObjectRef("v1", "Pod", "shop", "web-1").dump()


def test_a_permission_is_written_in_the_words_of_rbac() -> None:
    assert [str(Permission.to("patch", DEPLOYMENT)), str(Permission.to("get", POD, "log"))] == [
        "patch deployments.apps",
        "get pods/log",
    ]
