"""ImagePull: the image of a container cannot be had."""

from collections.abc import Iterator

from paramedic.actions.diagnosis.containers import SETTLING_SECONDS, Container
from paramedic.actions.diagnosis.findings import Finding, Rule, quoted
from paramedic.actions.diagnosis.scene import Scene

_LASTING = ("ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull")


def find(scene: Scene) -> Iterator[Finding]:
    by_container: dict[str, list[Container]] = {}
    for item in scene.troubled:
        if item.waiting in _LASTING or (item.waiting == "ErrImagePull" and _lasts(scene, item)):
            by_container.setdefault(item.path, []).append(item)
    for path, items in by_container.items():
        image, words = str(items[0].spec.get("image")), _words(scene, items[0])
        text = f"image {quoted(image)} of {scene.target} cannot be pulled: {quoted(words)}"
        yield Finding(RULE.kind, scene.target, f"{path}.image", words, text, len(items))


def _lasts(scene: Scene, item: Container) -> bool:
    """One failed try is not yet trouble; the kubelet shows this reason again at each further one."""
    return scene.seconds_since(item.created) > SETTLING_SECONDS


def _words(scene: Scene, item: Container) -> str:
    """Older kubelets say why in an event only; the status then just names the image."""
    if len(item.message) > len(str(item.spec.get("image"))) + 40:
        return f"{item.waiting}: {item.message}"
    failed = [str(event.get("message")) for event in scene.events_of(item.pod, "Failed")]
    told = next((text for text in failed if "Failed to pull image" in text), item.message)
    return f"{item.waiting}: {told}"


RULE = Rule("ImagePull", find)
