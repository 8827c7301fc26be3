"""The life of one operator process: connect, serve probes, watch, lead, work, and stop in good order."""

import asyncio
import contextlib
import logging
import signal

from aiohttp.web import AppRunner

from paramedic.admission import AdmissionWatch
from paramedic.clock import SystemClock
from paramedic.cluster.api import Api
from paramedic.cluster.http import HttpChecker
from paramedic.cluster.rest import RestTransport, connect
from paramedic.cluster.transport import ApiError, Request, Unavailable
from paramedic.controller import Controller, Item
from paramedic.credentials import Unusable
from paramedic.handlers import Watch
from paramedic.holds import Holds
from paramedic.index import IncidentIndex
from paramedic.lease import LeaderLease, LostLease
from paramedic.metrics import Metrics
from paramedic.model.addresses import AddressGuard
from paramedic.model.references import INCIDENT, PLAYBOOK
from paramedic.notify.apprise_notifier import AppriseNotifier
from paramedic.notify.contract import Notifier
from paramedic.ops import ops_app, serve
from paramedic.outbox import Outbox
from paramedic.pause import PauseSwitch
from paramedic.publisher import Publisher
from paramedic.queue import WorkQueue
from paramedic.reconciler import NotLeading, Reconciler
from paramedic.settings import Settings, split_address
from paramedic.sweeper import Sweeper
from paramedic.webhook import receive

log = logging.getLogger(__name__)
_REVIEWERS = 2  # playbooks that are looked at side by side: incidents come first
_GRACE = 8.0  # seconds for what is under way when told to stop


class CannotStart(Exception):
    """The cluster is not what the operator needs. The text says what to do."""


class OperatorProcess:
    """Everything that runs, wired together once."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._clock = SystemClock()
        self._metrics = Metrics()
        self._stop = asyncio.Event()
        self._watch: Watch | None = None

    async def run(self) -> int:
        """Runs until it is told to stop (0) or has lost leadership (1). Raises NoCluster, CannotStart, OSError."""
        configuration = await connect(self._settings.kubeconfig)
        transport = RestTransport(configuration, self._metrics.count_request)
        times = self._settings.lease_times
        http = HttpChecker(AddressGuard(self._settings.http_networks), self._settings.http_endpoints)
        home = self._settings.home_namespace
        api = Api(transport, http, write_timeout=times.request_timeout, home=home)
        self._lease = LeaderLease(transport, self._clock, self._settings.home_namespace, times=times)
        self._publisher = Publisher(api, self._clock, self._metrics)
        queue: WorkQueue[Item] = WorkQueue(self._clock)
        index = IncidentIndex()
        self._outbox = Outbox(
            api, self._notifier(), self._metrics, self._leads, lambda key: queue.add(("Incident", *key))
        )
        pause = PauseSwitch(api, home, self._metrics)
        reconciler = Reconciler(api, self._clock, self._publisher, self._outbox, pause, index, self._leads)
        holds = Holds(api, self._clock, home, self._leads)
        sweeper = Sweeper(api, self._clock, pause, self._settings.namespace or "", self._leads, holds)
        self._controller = Controller(
            api, self._clock, queue, index, reconciler, sweeper, self._metrics, self._settings.namespace or ""
        )
        app = ops_app(self._metrics, lambda: "", self._unready)
        receiver: AppRunner | None = None
        runner = await serve(app, *split_address(self._settings.ops))
        admission = AdmissionWatch(transport, self._clock, self._metrics)
        looking: asyncio.Task[None] | None = None
        try:
            await self._check_crds(transport)
            looking = asyncio.create_task(admission.keep())
            self._listen_for_signals()
            receiver = await self._receive(api)
            self._watch = Watch(configuration, self._settings.namespace, self._controller.notice)
            return await self._lead(asyncio.create_task(self._watch.run()))
        finally:
            if looking is not None:
                looking.cancel()
            if receiver:
                await receiver.cleanup()
            await self._lease.release()
            await runner.cleanup()
            await transport.close()

    async def _receive(self, api: Api) -> AppRunner | None:
        """Serves the alert receiver, on every replica, whichever leads. Raises CannotStart and OSError."""
        try:
            return await receive(self._settings, api, self._metrics, self._clock, self._controller.created)
        except Unusable as error:
            raise CannotStart(str(error)) from None

    async def _lead(self, watching: "asyncio.Task[None]") -> int:
        leading = asyncio.create_task(self._work_as_leader())
        stopped = asyncio.create_task(self._stop.wait())
        done, _ = await asyncio.wait({leading, stopped, watching}, return_when=asyncio.FIRST_COMPLETED)
        code = 0
        if leading in done:
            code = 1
            log.error(
                "%s; this process ends, so that another one can lead", leading.exception() or "the work has ended"
            )
        elif watching in done and not self._stop.is_set():
            code = 1
            log.error("the watch has ended: %s", watching.exception())
        self._stop.set()
        await self._wind_down(leading)
        if self._watch:
            self._watch.stop()
        for task in (leading, stopped):
            task.cancel()
        await asyncio.wait({leading, stopped, watching}, timeout=5)
        return code

    async def _work_as_leader(self) -> None:
        """Waits for leadership, then works for as long as it lasts. Raises LostLease, NotLeading."""
        await self._lease.acquire()
        self._metrics.leader.set(1)
        try:
            await self._controller.learn()
            async with asyncio.TaskGroup() as group:
                group.create_task(self._lease.keep())
                group.create_task(self._publisher.write_events())
                group.create_task(self._controller.sweep())
                group.create_task(self._controller.resync())
                for _ in range(self._settings.workers):
                    group.create_task(self._controller.work())
                for _ in range(_REVIEWERS):
                    group.create_task(self._controller.review())
        except BaseExceptionGroup as group:
            raise _first(group) from None
        finally:
            self._metrics.leader.set(0)

    async def _wind_down(self, leading: "asyncio.Task[None]") -> None:
        """Lets what is under way come to its next stored state."""
        if leading.done() or not self._lease.leads:
            return
        log.info("stopping")
        self._controller.queue.close()
        self._controller.reviews.close()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._controller.queue.wait_idle(), _GRACE)
        await self._publisher.flush(2.0)
        await self._outbox.idle(2.0)

    def _leads(self) -> bool:
        return self._lease.leads

    def _notifier(self) -> Notifier:
        return AppriseNotifier()

    def _listen_for_signals(self) -> None:
        loop = asyncio.get_running_loop()
        for name in (signal.SIGTERM, signal.SIGINT):
            with contextlib.suppress(NotImplementedError):
                loop.add_signal_handler(name, self._stop.set)

    def _unready(self) -> str:
        if not (self._watch and self._watch.ready):
            return "the watch has not begun yet"
        return "the watch is silent; see the log" if self._controller.watch_silent else ""

    async def _check_crds(self, transport: RestTransport) -> None:
        for resource in (INCIDENT, PLAYBOOK):
            try:
                path = resource.path(self._settings.namespace)
                await transport.send(Request("GET", path, {"limit": "1"}))
            except ApiError as error:
                if error.status == 404:
                    raise CannotStart(
                        f"this cluster does not know {resource.plural}; install them: kubectl apply -f crds/"
                    ) from None
                raise CannotStart(f"{resource.plural} cannot be listed: {error.message}") from None
            except Unavailable as error:
                raise CannotStart(f"the API server does not answer: {error}") from None


def _first(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """Why the work ended: the lost lease, where that is among the reasons."""
    lost = group.subgroup((LostLease, NotLeading)) or group
    found: BaseException = lost
    while isinstance(found, BaseExceptionGroup):
        found = found.exceptions[0]
    return found
