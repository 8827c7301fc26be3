"""Who may do what on a FakeCluster: everybody everything, apart from what a test denies; in the API server's words."""

from dataclasses import dataclass

from paramedic.cluster.fake_paths import Address
from paramedic.cluster.transport import ApiError

#: Who the operator itself is, whose requests name no account.
OPERATOR_USER = "system:serviceaccount:paramedic-system:paramedic"


@dataclass(frozen=True)
class Denial:
    """``resource`` as in `pods`, `pods/log`, `deployments.apps`; ``verb`` and ``resource`` may be `*`."""

    user: str
    verb: str
    resource: str

    def covers(self, user: str, verb: str, resource: str) -> bool:
        return self.user == user and self.verb in ("*", verb) and self.resource in ("*", resource)


@dataclass(frozen=True)
class AdmissionRefusal:
    """Creates of a resource in a namespace that an admission plugin, such as the quota's, refuses."""

    resource: str
    namespace: str
    message: str


class Rules:
    """What is denied and refused at the moment."""

    def __init__(self) -> None:
        self.denials: set[Denial] = set()
        self.refusals: list[AdmissionRefusal] = []

    def allows(self, user: str, verb: str, plural: str, group: str, subresource: str) -> bool:
        name = (f"{plural}/{subresource}" if subresource else plural) + (f".{group}" if group else "")
        return not any(denial.covers(user, verb, name) for denial in self.denials)

    def check(self, user: str, verb: str, address: Address) -> None:
        """Raises the 403 of the API server's RBAC authorizer."""
        resource = address.resource
        if self.allows(user, verb, resource.plural, resource.group, address.subresource):
            return
        named = f"{resource.plural}/{address.subresource}" if address.subresource else resource.plural
        where = f'in the namespace "{address.namespace}"' if address.namespace else "at the cluster scope"
        raise ApiError(
            403,
            "Forbidden",
            f'{address} is forbidden: User "{user or OPERATOR_USER}" cannot {verb} resource "{named}"'
            f' in API group "{resource.group}" {where}',
        )

    def admit(self, address: Address, name: str) -> None:
        """Raises the 403 of an admission plugin."""
        for refusal in self.refusals:
            if (refusal.resource, refusal.namespace) == (address.qualified, address.namespace):
                message = f'{address.qualified} "{name}" is forbidden: {refusal.message}'
                raise ApiError(403, "Forbidden", message)
