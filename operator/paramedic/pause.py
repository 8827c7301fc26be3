"""The switch that holds the whole operator: a ConfigMap that no manifest ships, so that no sync of manifests can lift it."""

import asyncio

from paramedic.cluster.api import Api
from paramedic.cluster.transport import ApiError
from paramedic.metrics import Metrics
from paramedic.model.objects import Object, dig
from paramedic.model.references import CONFIGMAP, ObjectRef
from paramedic.model.text import shorten

PAUSE_NAME = "paramedic-paused"


class PauseSwitch:
    """Asks whether the operator is paused. What cannot be seen is taken to be on."""

    def __init__(self, api: Api, namespace: str, metrics: Metrics) -> None:
        """``namespace`` is the operator's own."""
        self._api, self._ref = api, ObjectRef.to(CONFIGMAP, namespace, PAUSE_NAME)
        self._paused = metrics.paused
        self._turn = asyncio.Lock()
        self._begun = self._answered = 0  # looks, counted
        self._why = ""

    async def ask(self) -> str:
        """By whom, since when and why it is paused; empty while it is not. Raises Unavailable.

        Whoever asks while a look is under way shares the next one, which begins after they asked: a burst of incidents
        costs a few looks instead of one each, and none of them is answered with what was so before.
        """
        begun = self._begun
        async with self._turn:
            if self._answered <= begun:
                self._begun = number = self._begun + 1
                self._why = await self._look()
                self._answered = number
            return self._why

    async def _look(self) -> str:
        try:
            found = await self._api.get(self._ref)
            why = describe_pause(found) if found else ""
        except ApiError as error:
            why = f"whether the operator is paused cannot be read ({error.message}); let it get ConfigMap {PAUSE_NAME}"
        self._paused.set(bool(why))
        return why


def describe_pause(config_map: Object) -> str:
    """The pause in one sentence, with the command that lifts it."""
    data = dig(config_map, "data", default={})
    text = f"the operator was paused by {data.get('by') or 'somebody'}"
    if at := data.get("at") or dig(config_map, "metadata", "creationTimestamp"):
        text += f" at {at}"
    if reason := data.get("reason"):
        text += f" ({' '.join(str(reason).split())})"
    return shorten(f"{text}; lift it with: kubectl incident resume", 500)
