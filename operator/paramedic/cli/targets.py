"""`--target deployment/checkout`: an object as kubectl names it."""

from typing import Any

import click

from paramedic.api.v1alpha1.incident import TARGET_KINDS
from paramedic.model.references import Resource, resource_of

_SHORT = {
    "deploy": "Deployment",
    "sts": "StatefulSet",
    "ds": "DaemonSet",
    "rs": "ReplicaSet",
    "po": "Pod",
    "no": "Node",
}
KINDS = tuple(TARGET_KINDS)


class Target(click.ParamType[Any]):
    """KIND/NAME, as an incident's spec.targetRef."""

    name = "kind/name"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> dict[str, str]:
        word, slash, name = str(value).partition("/")
        resource = resource_of_word(word)
        if resource is None or not slash or not name:
            self.fail(f"{value!r} is not KIND/NAME; write one such as deployment/checkout ({_known()})", param, ctx)
        return {"apiVersion": resource.api_version, "kind": resource.kind, "name": name}


def resource_of_word(word: str) -> Resource | None:
    """The resource that kubectl would take this word for: a kind, its plural, its short name, with its group or not."""
    plain = word.partition(".")[0].lower()
    for kind, version in TARGET_KINDS.items():
        resource = resource_of(version, kind)
        if plain in (kind.lower(), resource.plural) or _SHORT.get(plain) == kind:
            return resource
    return None


def _known() -> str:
    return ", ".join(kind.lower() for kind in KINDS)
