"""The rules, most telling cause first: this order is the rank of what they find. A new one is a file and a line here.

What keeps Pods from being there at all comes before what keeps them from starting, that before what ends them, and that
before what keeps others from reaching them. A cause stands before its symptoms: memory before the crash it leads to.
"""

from paramedic.actions.diagnosis.findings import Rule
from paramedic.actions.diagnosis.rules import (
    config_error,
    crash_loop,
    image_pull,
    network_policy_blocked,
    node_not_ready,
    oom_killed,
    probe_failure,
    quota_exceeded,
    scaled_to_zero,
    service_mismatch,
    unschedulable,
)

RULES: tuple[Rule, ...] = (
    scaled_to_zero.RULE,
    node_not_ready.RULE,
    quota_exceeded.RULE,
    unschedulable.RULE,
    config_error.RULE,
    image_pull.RULE,
    oom_killed.RULE,
    probe_failure.RULE,
    crash_loop.RULE,
    service_mismatch.RULE,
    network_policy_blocked.RULE,
)
