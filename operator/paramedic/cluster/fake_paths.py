"""What a request is about: the URL path read back into a resource, a namespace, a name and a subresource."""

from dataclasses import dataclass, replace

from paramedic.cluster.transport import ApiError, Request
from paramedic.model.references import RESOURCES, Resource

_BY_ROOT = {(item.root, item.plural): item for item in RESOURCES.values()}
_VERBS = {"POST": "create", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}


@dataclass(frozen=True)
class Address:
    """One object, or, without a name, a collection; without a namespace, the collection of all namespaces."""

    resource: Resource
    namespace: str = ""
    name: str = ""
    subresource: str = ""

    def named(self, name: str) -> "Address":
        return replace(self, name=name)

    @property
    def whole(self) -> "Address":
        """The object itself, where this is one of its subresources."""
        return replace(self, subresource="")

    @property
    def qualified(self) -> str:
        """The resource as the API server's messages name it: `deployments.apps`, `pods`."""
        return f"{self.resource.plural}.{self.resource.group}" if self.resource.group else self.resource.plural

    def __str__(self) -> str:
        return f'{self.qualified} "{self.name}"' if self.name else self.qualified


def address_of(path: str) -> Address:
    """Raises ApiError 404 for a path that the API server does not serve."""
    parts = path.strip("/").split("/")
    length = 3 if parts[0] == "apis" else 2
    root, rest = "/" + "/".join(parts[:length]), parts[length:]
    namespace = ""
    if len(rest) > 2 and rest[0] == "namespaces" and (root, rest[2]) in _BY_ROOT:
        namespace, rest = rest[1], rest[2:]
    resource = _BY_ROOT.get((root, rest[0])) if rest else None
    if resource is None or len(rest) > 3:
        raise ApiError(404, "NotFound", "the server could not find the requested resource")
    name, subresource = [*rest[1:], "", ""][:2]
    return Address(resource, namespace, name, subresource)


def verb_of(request: Request, address: Address) -> str:
    """The verb that RBAC knows a request by."""
    if request.method == "GET":
        return "get" if address.name else "list"
    return _VERBS[request.method]
