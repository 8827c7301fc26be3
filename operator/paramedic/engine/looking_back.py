"""Incidents of which only the review is left: somebody is still to call a post-mortem, and the trouble itself is over."""

from paramedic.engine.lifecycle import ACTIVE
from paramedic.engine.run import OVER
from paramedic.model.objects import Object, dig


def only_looks_back(incident: Object) -> bool:
    """Whether every step that is left of an incident belongs to phase Review. What happens to its target from then on is
    another trouble, which must not wait for people who take their time.
    """
    if dig(incident, "status", "phase") not in ACTIVE:
        return False
    left = [step for step in dig(incident, "status", "steps", default=[]) if step.get("state") not in OVER]
    return bool(left) and all(step.get("phase") == "Review" for step in left)
