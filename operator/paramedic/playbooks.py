"""Each Playbook's conditions: whether incidents can use it, else the path of the field and the mend.

They conform to kstatus, so that Flux, Argo CD and `kubectl wait` understand them: Ready, and, only while they are
true, Stalled (its author must change it) and Reconciling (something outside it is missing, and may come).
"""

import logging
from datetime import timedelta
from zlib import crc32

from paramedic.actions.reads import Missing, Seen
from paramedic.api.v1alpha1.playbook import PlaybookStatus
from paramedic.clock import Clock
from paramedic.cluster.api import Api
from paramedic.cluster.transport import ApiError, Unavailable
from paramedic.engine.readiness.channel_secrets import UrlCheck
from paramedic.engine.readiness.verdict import Readiness, review
from paramedic.model.conditions import Status, find_condition, is_true, set_condition
from paramedic.model.objects import Object, condition, dig
from paramedic.model.references import PLAYBOOK, ObjectRef
from paramedic.model.text import shorten
from paramedic.notify.services import why_refused

log = logging.getLogger(__name__)

Key = tuple[str, str]  # namespace, name
#: How often a playbook is looked at although it has not changed: roles, Secrets and accounts change without a word. Those
#: with the same account at the same moment, since what one is granted then need not be asked for the others.
EVERY = timedelta(minutes=5)
#: And while it is not Ready, since somebody may be mending it.
EVERY_UNREADY = timedelta(seconds=30)
#: After how many looks that the API server did not answer nothing is known any more.
_PATIENCE = 3
_ROUNDS = 20


async def readiness_of(
    api: Api, playbook: Object, namespace: str, *, check_url: UrlCheck = why_refused, as_operator: bool = True
) -> Readiness:
    """Looks at a playbook, stored or only in a file, in a cluster: see `paramedic.engine.readiness.verdict.review`. Raises
    Unavailable."""
    account, seen = _account_of(playbook), Seen()
    for _ in range(_ROUNDS):
        try:
            return review(playbook, seen, namespace, check_url=check_url, as_operator=as_operator)
        except Missing as missing:
            seen.answers |= await api.answer(missing.reads, namespace, account)
    raise RuntimeError(f"a playbook of namespace {namespace} asks for more and more reads")


class PlaybookReviewer:
    """Looks at playbooks and writes what it thinks of them, where that has changed. What it remembers is only speed."""

    def __init__(self, api: Api, clock: Clock, check_url: UrlCheck = why_refused) -> None:
        self._api, self._clock, self._check_url = api, clock, check_url
        self._written: dict[Key, str] = {}  # resourceVersion of our last write
        self._unanswered: dict[Key, int] = {}

    def first_look(self, obj: Object, event: str | None) -> timedelta | None:
        """When to look at a playbook that a watch shows; None where it only shows our own last write. Those that were
        judged before this process began have time."""
        meta = obj["metadata"]
        if self._written.get((meta["namespace"], meta["name"]), "") == meta.get("resourceVersion"):
            return None
        if event is None and dig(obj, "status", "observedGeneration") == meta.get("generation"):
            return self._pause(obj, condition(obj, "Ready").get("status") == "True")
        return timedelta(0)

    async def review(self, namespace: str, name: str) -> timedelta | None:
        """Looks at one playbook. When to look again; None where it is gone. Raises ApiError, Unavailable."""
        key = (namespace, name)
        obj = await self._api.get(ObjectRef.to(PLAYBOOK, namespace, name))
        if obj is None or obj["metadata"].get("deletionTimestamp"):
            self._written.pop(key, None)
            self._unanswered.pop(key, None)
            return None
        before = PlaybookStatus.model_validate(obj.get("status") or {})
        status = judged(obj, await self._judge(key, obj), self._clock)
        if status != before:
            await self._write(key, obj, status)
        return self._pause(obj, is_true(status.conditions, "Ready"))

    def _pause(self, obj: Object, ready: bool) -> timedelta:
        """Until the account's next moment; a whole turn where that is now."""
        turn = EVERY if ready else EVERY_UNREADY
        account = f"{obj['metadata']['namespace']}/{_account_of(obj)}"
        moment = turn * (crc32(account.encode()) % 1000) / 1000
        left = (moment - timedelta(seconds=self._clock.now().timestamp())) % turn
        return left if left > turn / 10 else left + turn

    async def _judge(self, key: Key, obj: Object) -> Readiness:
        try:
            readiness = await readiness_of(self._api, obj, key[0], check_url=self._check_url)
        except Unavailable as error:
            count = self._unanswered[key] = self._unanswered.get(key, 0) + 1
            if count < _PATIENCE:
                raise
            text = shorten(f"the API server does not answer what the playbook needs to know: {error}", 1000)
            return Readiness(key[1], key[0], message=text)
        self._unanswered.pop(key, None)
        return readiness

    async def _write(self, key: Key, obj: Object, status: PlaybookStatus) -> None:
        body = {**obj, "status": status.model_dump(by_alias=True, exclude_none=True)}
        try:
            stored = await self._api.put_status(PLAYBOOK, body)
        except ApiError as error:
            if error.status not in (404, 409):
                raise
            return  # it has changed meanwhile, and the watch will say so
        self._written[key] = stored["metadata"]["resourceVersion"]
        if (ready := find_condition(status.conditions, "Ready")) is not None:
            level = logging.INFO if ready.status == "True" else logging.WARNING
            log.log(level, "Ready is %s: %s", ready.status, ready.message, extra={"playbook": "/".join(key)})


def judged(obj: Object, readiness: Readiness, clock: Clock) -> PlaybookStatus:
    """The status that a playbook deserves."""
    status = PlaybookStatus.model_validate(obj.get("status") or {})
    status.observed_generation = obj["metadata"]["generation"]
    wanted: dict[str, Status] = {"Ready": readiness.status}
    if readiness.status != "True":
        wanted["Stalled" if readiness.reason == "Invalid" else "Reconciling"] = "True"
    status.conditions = [item for item in status.conditions if item.type in wanted]
    for kind, value in wanted.items():
        set_condition(
            status.conditions, kind, value, readiness.reason, readiness.message,
            generation=status.observed_generation, now=clock.now(),
        )  # fmt: skip
    return status


def _account_of(playbook: Object) -> str:
    return str(dig(playbook, "spec", "serviceAccountName", default=""))
