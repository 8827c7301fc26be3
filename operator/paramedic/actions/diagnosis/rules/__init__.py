"""The rules, most telling cause first: this order is the rank of what they find. A new one is a file and a line here.

What keeps Pods from being there at all comes before what keeps them from starting, that before what ends them, and that
before what keeps others from reaching them; last, what only a log tells of Pods that run. A cause stands before its
symptoms: memory before the crash it leads to, a dependency before the probe that asks for it.
"""

from paramedic.actions.diagnosis.findings import Rule
from paramedic.actions.diagnosis.rules import (
    config_error,
    config_regression,
    crash_loop,
    dependency_unreachable,
    finalizer_stuck,
    image_pull,
    init_blocked,
    network_policy_blocked,
    node_not_ready,
    oom_killed,
    port_conflict,
    probe_failure,
    quota_exceeded,
    rollout_unsafe,
    scaled_to_zero,
    service_mismatch,
    stale_secret,
    unschedulable,
    volume_unbound,
    webhook_failing,
)

RULES: tuple[Rule, ...] = (
    scaled_to_zero.RULE,
    node_not_ready.RULE,
    quota_exceeded.RULE,
    webhook_failing.RULE,
    volume_unbound.RULE,
    unschedulable.RULE,
    config_error.RULE,
    image_pull.RULE,
    rollout_unsafe.RULE,
    init_blocked.RULE,
    oom_killed.RULE,
    port_conflict.RULE,
    stale_secret.RULE,
    dependency_unreachable.RULE,
    probe_failure.RULE,
    crash_loop.RULE,
    service_mismatch.RULE,
    network_policy_blocked.RULE,
    config_regression.RULE,
    finalizer_stuck.RULE,
)
