"""PortConflict: a container cannot listen, because another one of its Pod has the port."""

import re
from collections.abc import Iterator
from typing import Any

from paramedic.actions.diagnosis.containers import Container
from paramedic.actions.diagnosis.findings import Finding, Rule, printable, quoted
from paramedic.actions.diagnosis.scene import Scene, Spoken
from paramedic.model.objects import Object, dig

_IN_USE = re.compile(r"address (?:is )?already in use|address in use|EADDRINUSE|port is already (?:allocated|in use)|"
                     r"only one usage of each socket address", re.IGNORECASE)  # fmt: skip
_PORT = re.compile(r":(?P<port>\d{1,5})\b")


def find(scene: Scene) -> Iterator[Finding]:
    by_container: dict[str, list[Spoken]] = {}
    for said in (*scene.last_words, *scene.complaints):
        if port_taken(said):
            by_container.setdefault(said.item.path, []).append(said)
    for told in by_container.values():
        yield _finding(scene, told[0], max(len(told), told[0].pods))


def port_taken(said: Spoken) -> bool:
    return bool(_IN_USE.search(said.text))


def _finding(scene: Scene, said: Spoken, pods: int) -> Finding:
    item = said.item
    rival, port = _rival(scene, item, _ports_in(said.text))
    line = printable(said.text)
    if not rival:
        text = f"container {item.name} of {scene.target} finds its port taken, by whom is not known: {quoted(line)}"
        return Finding(RULE.kind, scene.target, f"{item.path}.ports", line, text, pods)
    field = f"spec.template.spec.containers[{rival}].ports[{port}]"
    text = f"containers {rival} and {item.name} of {scene.target} both want port {port}: {quoted(line)}"
    return Finding(RULE.kind, scene.target, field, line, text, pods)


def _ports_in(text: str) -> set[int]:
    return {int(found["port"]) for found in _PORT.finditer(text[:2048])}


def _rival(scene: Scene, item: Container, said: set[int]) -> tuple[str, Any]:
    """Another container that declares a port which this one names in its log, or else declares too."""
    others: list[Object] = dig(scene.template, "spec", "containers", default=[])
    wanted = said or {port.get("containerPort") for port in item.spec.get("ports") or []}
    for other in others:
        for port in other.get("ports") or []:
            if other["name"] != item.name and port.get("containerPort") in wanted:
                return other["name"], port["containerPort"]
    return "", None


RULE = Rule("PortConflict", find, frozenset({"logs"}))
