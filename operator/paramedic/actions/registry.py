"""All actions by name. A new one is a new file here and a line in this list."""

from typing import Any

from paramedic.actions.block_ips import BlockIPs
from paramedic.actions.check_dependencies import CheckDependencies
from paramedic.actions.collect_evidence import CollectEvidence
from paramedic.actions.contract import Action
from paramedic.actions.cordon import Cordon
from paramedic.actions.delete_pods import DeletePods
from paramedic.actions.diagnose import Diagnose
from paramedic.actions.drain import Drain
from paramedic.actions.escalate import Escalate
from paramedic.actions.http import Http
from paramedic.actions.http_check import HttpCheck
from paramedic.actions.isolate import Isolate
from paramedic.actions.lock_account import LockAccount
from paramedic.actions.manual import Manual
from paramedic.actions.node_status import NodeStatus
from paramedic.actions.notify import Notify
from paramedic.actions.patch import Patch
from paramedic.actions.prom_query import PromQuery
from paramedic.actions.rollback import Rollback
from paramedic.actions.rolling_restart import RollingRestart
from paramedic.actions.rotate_secret import RotateSecret
from paramedic.actions.run_job import RunJob
from paramedic.actions.scale import Scale
from paramedic.actions.snapshot_volumes import SnapshotVolumes
from paramedic.actions.tcp_check import TcpCheck
from paramedic.actions.wait import Wait
from paramedic.actions.workload_status import WorkloadStatus

ACTIONS: dict[str, Action[Any]] = {
    action.name: action
    for action in (
        HttpCheck(), TcpCheck(), CheckDependencies(), PromQuery(), WorkloadStatus(), NodeStatus(),  # look
        Diagnose(), CollectEvidence(),
        RollingRestart(), Rollback(), Scale(), Patch(), RunJob(), DeletePods(),  # mend
        Isolate(), BlockIPs(), LockAccount(), RotateSecret(), SnapshotVolumes(), Cordon(), Drain(),  # contain
        Notify(), Escalate(), Manual(), Wait(), Http(),  # people
    )
}  # fmt: skip
