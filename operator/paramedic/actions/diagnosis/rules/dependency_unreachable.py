"""DependencyUnreachable: the target's log says that it cannot reach something it needs."""

from collections.abc import Iterator

from paramedic.actions.diagnosis.addresses import Address, unreached
from paramedic.actions.diagnosis.findings import Finding, Rule, printable, quoted
from paramedic.actions.diagnosis.rules.network_policy_blocked import blocking
from paramedic.actions.diagnosis.scene import Scene, Spoken, service_called
from paramedic.model.objects import Object, dig
from paramedic.model.text import plural


def find(scene: Scene) -> Iterator[Finding]:
    if blocking(scene, "Egress"):
        return  # a policy that lets nothing out explains it
    told: set[tuple[str, str]] = set()
    for said in (*scene.complaints, *scene.last_words):
        place = unreached(said.text)
        if place is not None and (said.item.path, str(place)) not in told:
            told.add((said.item.path, str(place)))
            yield _finding(scene, said, place)


def _finding(scene: Scene, said: Spoken, place: Address) -> Finding:
    service, line = service_called(scene, place.host), printable(said.text)
    named = _named_at(said, place)
    if service is None:
        inside = "." not in place.host and "services" not in scene.unseen
        why = f"there is no Service {place.host} in its namespace" if inside else "it is not a Service of its namespace"
        return _of_target(scene, said, named, f"{place} ({why})", line)
    name = service["metadata"]["name"]
    ports = [item.get("port") for item in dig(service, "spec", "ports", default=[])]
    if place.port and place.port not in ports and dig(service, "spec", "clusterIP") != "None":
        has = ", ".join(map(str, ports)) or "none"
        return _of_target(scene, said, named, f"{place} (Service {name} has no port {place.port}; it has {has})", line)
    if (behind := scene.backends.get(name)) is None:
        ready, field = "who is behind it is not known", "spec"
    else:
        ready = f"{behind[0]} of {plural(behind[1], 'Pod')} behind it ready"
        field = "spec" if behind[0] else "spec.selector" if not behind[1] else "status"
    text = f"{scene.target} cannot reach Service {name} ({ready}); container {said.item.name} logs {quoted(line)}"
    return Finding(RULE.kind, f"Service/{name}", field, line, text, said.pods)


def _of_target(scene: Scene, said: Spoken, field: str, what: str, line: str) -> Finding:
    text = f"{scene.target} cannot reach {what}; container {said.item.name} logs {quoted(line)}"
    return Finding(RULE.kind, scene.target, field, line, text, said.pods)


def _named_at(said: Spoken, place: Address) -> str:
    """The environment variable that names the place; the container where none does."""
    env: list[Object] = said.item.spec.get("env") or []
    for wanted in (str(place), place.host):
        for item in env:
            if wanted in str(item.get("value") or ""):
                return f"{said.item.path}.env[{item['name']}]"
    return said.item.path


RULE = Rule("DependencyUnreachable", find, frozenset({"logs"}), hidden=True)
