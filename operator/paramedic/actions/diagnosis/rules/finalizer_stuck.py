"""FinalizerStuck: an object cannot go, because what must release it does not: the target may not, or a Pod of it waits."""

from collections.abc import Iterator

from paramedic.actions.diagnosis.denials import refused_in
from paramedic.actions.diagnosis.findings import Finding, Rule, printable, quoted
from paramedic.actions.diagnosis.scene import Scene
from paramedic.model.objects import dig

_OVERDUE_SECONDS = 60  # after the grace period, which the deletion's timestamp includes


def find(scene: Scene) -> Iterator[Finding]:
    yield from _refused(scene)
    for pod in scene.pods:
        finalizers = dig(pod, "metadata", "finalizers", default=[])
        name, asked = pod["metadata"]["name"], dig(pod, "metadata", "deletionTimestamp", default="")
        if finalizers and asked and scene.seconds_since(asked) > _OVERDUE_SECONDS and name not in scene.lost:
            proof = f"deletion asked for by {asked}, finalizers {', '.join(finalizers)}"
            text = f"Pod {name} of {scene.target} does not go: {proof}; see why the owner of the finalizer does not act"
            yield Finding(RULE.kind, f"Pod/{name}", f"metadata.finalizers[{finalizers[0]}]", proof, text, 1)


def _refused(scene: Scene) -> Iterator[Finding]:
    """What is being deleted, and a container of the target may not release."""
    told: set[str] = set()
    for said in scene.complaints:
        refused = refused_in(said.text)
        kept = scene.kept.get((refused.ref.kind, refused.ref.name)) if refused else None
        if refused is None or kept is None or not kept.deleted or not kept.finalizers or str(refused.ref) in told:
            continue
        told.add(str(refused.ref))
        line = printable(said.text)
        text = (
            f"{refused.ref} is to be deleted since {kept.deleted} and waits for finalizer {kept.finalizers[0]}, which"
            f" {scene.target} cannot release: {refused.user} may not {refused.verb} it ({quoted(line)}); give it that"
            " right back, and do not strip the finalizer"
        )
        yield Finding(RULE.kind, str(refused.ref), f"metadata.finalizers[{kept.finalizers[0]}]", line, text, said.pods)


RULE = Rule("FinalizerStuck", find)
