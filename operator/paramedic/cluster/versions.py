"""How new an answer must be that the API server gives from its cache.

A list as of now costs the API server a question to etcd and, where anything was written meanwhile, a wait of up to some
50 ms for etcd's word that its cache has caught up (KEP-2340). A list that is *at least as new as* a given
resourceVersion is answered at once. So what must not be missed is given: everything that this process has read, written
or been shown. A leader's own writes are among it, and what the leader before it wrote is, too, since a new one lists
as of now before it begins.
"""

from paramedic.model.objects import Object, dig
from paramedic.model.references import Resource


class KnownVersions:
    """The newest resourceVersion of each resource that this process knows of. They are numbers that grow (KEP-5504)."""

    def __init__(self) -> None:
        self._newest: dict[Resource, int] = {}
        self._comparable = True
        self._doubted: set[Resource] = set()

    def note(self, resource: Resource, obj: Object) -> None:
        """Takes note of an object, or of a list."""
        version = str(dig(obj, "metadata", "resourceVersion", default=""))
        if version.isdecimal():
            self._newest[resource] = max(self._newest.get(resource, 0), int(version))
        elif version:
            self._comparable = False

    def doubt(self, resource: Resource) -> None:
        """A write was sent and no answer came: nobody knows of which version it was, if it was done."""
        self._doubted.add(resource)

    def settle(self, resource: Resource) -> None:
        """A list as of now was answered: what had been written is in it."""
        self._doubted.discard(resource)

    def at_least(self, resource: Resource) -> dict[str, str]:
        """The query of a list that holds all that is known; empty, which asks for a list as of now, where that cannot
        be said.
        """
        if not self._comparable or resource in self._doubted:
            return {}
        return {"resourceVersion": str(self._newest.get(resource, 0)), "resourceVersionMatch": "NotOlderThan"}
