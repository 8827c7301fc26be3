"""Whether things still move, so that another look may find what this one could not."""

from paramedic.actions.diagnosis.containers import SETTLING_SECONDS, Container, containers_of, patience
from paramedic.actions.diagnosis.scene import Scene
from paramedic.model.objects import Object, dig
from paramedic.model.text import plural

#: Who cannot start mostly ends within these.
_FIRST_SECONDS = 10


def settling(scene: Scene) -> str:
    """What still moves, in words; empty where nothing does."""
    if scene.view.whole:
        return _just_begun(scene) or ("it has just logged an error" if scene.murmurs else "")
    if not scene.view.observed:
        return "its controller has not seen the newest revision yet"
    for pod in scene.suspects:
        name = pod["metadata"]["name"]
        if _is_young(scene, pod):
            return f"Pod {name} is new"
        for item in containers_of(pod):
            if _moves(scene, item):
                return f"container {item.name} of Pod {name} is still starting"
    missing = scene.view.desired - scene.newest
    # Pods of a revision that was asked for just now; those of an older one are late, and waiting tells nothing more.
    if missing > 0 and any(_is_young(scene, owner) for owner in scene.owners[1:]):
        return f"{plural(missing, 'Pod')} must still be created"
    return ""


def _just_begun(scene: Scene) -> str:
    """Where Pods have no readiness probe, one that is about to fall is as ready as any other."""
    for item in scene.running:
        fell = item.fell(scene.now)
        if item.up_for(scene.now) < _FIRST_SECONDS or (fell is not None and fell < SETTLING_SECONDS and not item.init):
            return f"container {item.name} of Pod {item.pod} has just started"
    return ""


def _is_young(scene: Scene, obj: Object) -> bool:
    created = dig(obj, "metadata", "creationTimestamp", default="")
    return bool(created) and scene.seconds_since(created) < SETTLING_SECONDS


def _moves(scene: Scene, item: Container) -> bool:
    """Whether it ended or began a short while ago, or has not had the time that its probes allow."""
    fell = item.fell(scene.now)
    done = item.init and item.terminated.get("exitCode") == 0
    if fell is not None and fell < SETTLING_SECONDS and not done:
        return True
    return bool(item.running_since) and not item.ready and item.up_for(scene.now) < patience(item)
