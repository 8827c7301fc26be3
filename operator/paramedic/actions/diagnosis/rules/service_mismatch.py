"""ServiceMismatch: a Service that is meant for the target selects none of its Pods, or sends to a port it has not."""

from collections.abc import Iterator
from typing import Any

from paramedic.actions.diagnosis.findings import Finding, Rule
from paramedic.actions.diagnosis.scene import Scene, selector_of, strangers
from paramedic.model.objects import Object, dig, labels


def find(scene: Scene) -> Iterator[Finding]:
    mine = [item for item in scene.services if selects(scene, item)]
    for service in sorted(strangers(scene), key=lambda item: str(item["metadata"]["name"])):
        if _is_meant(scene, service, mine):
            yield _selector(scene, service)
    served = {port for service in mine for port in _targets(service)}
    declared = declared_ports(scene)
    for service in mine:
        for port in _targets(service):
            named = isinstance(port, str) and not port.isdigit()
            # An undeclared number may still be listened on: it is to blame only where no port that is declared is used.
            lonely = declared and not served & declared
            if port not in declared and (named or lonely):
                yield _port(scene, service, port)


def selects(scene: Scene, service: Object) -> bool:
    wanted = selector_of(service)
    return bool(wanted) and wanted.items() <= labels(scene.template).items()


def declared_ports(scene: Scene) -> set[Any]:
    """Numbers and names of the ports that the template's containers declare."""
    spec = scene.template.get("spec") or {}
    sidecars = [item for item in spec.get("initContainers") or [] if item.get("restartPolicy") == "Always"]
    ports = [port for item in [*sidecars, *(spec.get("containers") or [])] for port in item.get("ports") or []]
    return {port.get("containerPort") for port in ports} | {port["name"] for port in ports if port.get("name")}


def _is_meant(scene: Scene, service: Object, mine: list[Object]) -> bool:
    """It selects nobody else, and has the target's name; or shares labels with it while no other Service serves it, as
    one for a canary that is not there would not.
    """
    name, wanted = service["metadata"]["name"], selector_of(service)
    if name in scene.taken:
        return False
    identity = dig(scene.workload, "spec", "selector", "matchLabels", default={})
    shared = wanted.items() & labels(scene.template).items() & identity.items()
    return name == scene.workload["metadata"]["name"] or bool(shared and not mine)


def _selector(scene: Scene, service: Object) -> Finding:
    name, has = service["metadata"]["name"], labels(scene.template)
    wrong = {key: value for key, value in sorted(selector_of(service).items()) if has.get(key) != value}
    key, value = next(iter(wrong.items()))
    carried = f"{key}={has[key]}" if key in has else f"no label {key}"
    proof = f"selector {key}={value}; the Pods of {scene.target} carry {carried}"
    text = f"Service {name} selects no Pod: its {proof}"
    return Finding(RULE.kind, f"Service/{name}", f"spec.selector[{key}]", proof, text)


def _port(scene: Scene, service: Object, port: int | str) -> Finding:
    name = service["metadata"]["name"]
    have = ", ".join(sorted(map(str, declared_ports(scene)))) or "none"
    proof = f"targetPort {port}; the containers of {scene.target} declare {have}"
    index = _targets(service).index(port)
    text = f"Service {name} sends to a port that is not there: {proof}"
    return Finding(RULE.kind, f"Service/{name}", f"spec.ports[{index}].targetPort", proof, text)


def _targets(service: Object) -> list[int | str]:
    return [item.get("targetPort") or item["port"] for item in dig(service, "spec", "ports", default=[])]


RULE = Rule("ServiceMismatch", find, frozenset({"services", "pods"}), hidden=True)
