"""What can be known of a playbook before the night, on a real API server: 30 mistakes, and what makes it Ready again."""

import json
import time
from base64 import b64encode
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from support.kube import Kube, KubectlFailed, Object
from support.objects import ALL_ROLES, account_with, playbook, step
from support.operator_process import Operator
from support.plugin import plugin

pytestmark = pytest.mark.e2e

ROOT = Path(__file__).resolve().parents[2]
BACK = step("back", "rollback")
CHANNEL = {"name": "ops", "secretRef": {"name": "slack", "key": "url"}}
LEVEL = {"after": "5m", "channel": "ops", "message": "nobody answers"}
URL = "slack://AAAAAAAAA/BBBBBBBBB/cccccccccccccccccccccccc/"

#: name, steps, the rest of the spec, and what is said: the path of the field, and the mend.
MISTAKES: list[tuple[str, list[Object], Object, tuple[str, str]]] = [
    ("two-actions", [BACK | {"rollingRestart": {}}], {}, ("spec.steps[0]", "exactly one action")),
    ("no-action", [{"name": "back"}], {}, ("spec.steps[0]", "add one, such as rollback: {}")),
    ("field", [step("back", "rollback", {"toRevison": 3})], {}, ("spec.steps[0].rollback", "unknown field")),
    ("action", [step("back", "rolback")], {}, ("spec.steps[0]", "unknown field")),
    ("revision", [step("back", "rollback", {"toRevision": 0})], {}, ("toRevision", "greater than or equal to 1")),
    ("step-name", [step("roll-back", "rollback")], {}, ("spec.steps[0].name", "such as verifyHealth")),
    ("step-twice", [BACK, BACK], {}, ("spec.steps[1]", "Duplicate value")),
    ("on-failure", [step("back", "rollback", onFailure="Ignore")], {}, ("spec.steps[0].onFailure", '"Continue"')),
    ("phase", [step("back", "rollback", phase="Repair")], {}, ("spec.steps[0].phase", '"Remediate"')),
    (
        "timeout",
        [step("back", "rollback", timeout="ten minutes")],
        {},
        ("spec.steps[0].timeout", "such as 90s, 10m or 1h30m"),
    ),
    ("undo", [step("go", "rollingRestart", undo="OnFailure")], {}, ("spec.steps[0].undo", "write Never")),
    ("retry", [step("back", "rollback", retry={"attempts": 99})], {}, ("retry.attempts", "less than or equal to 10")),
    ("priority", [BACK], {"match": {"priority": 5000}}, ("spec.match.priority", "less than or equal to 1000")),
    ("severity", [BACK], {"severity": "Fatal"}, ("spec.severity", '"Critical", "Warning", "Info"')),
    ("channel-twice", [BACK], {"channels": [CHANNEL, CHANNEL]}, ("spec.channels[1]", "Duplicate value")),
    ("zero-timeout", [step("back", "rollback", timeout="0s")], {}, ("spec.steps[0].timeout", "write one such as 10m")),
    ("no-undo", [step("go", "rollingRestart", onFailure="Undo")], {}, ("spec.steps[0].onFailure", "write Stop or")),
    (
        "approval",
        [step("status", "workloadStatus", approval={"required": True})],
        {},
        ("spec.steps[0].approval", "leave it out"),
    ),
    ("step", [step("back", "rollback", if_="steps.verfy.failed")], {}, ("spec.steps[0].if", "sees the steps before")),
    ("parameter", [step("back", "rollback", if_="parameters.url != ''")], {}, ("spec.steps[0].if", "parameters has")),
    ("number", [step("back", "rollback", if_="1 + 2")], {}, ("spec.steps[0].if", "compare it")),
    (
        "template",
        [step("call", "manual", {"instructions": "${parameters.who}"})],
        {},
        ("spec.steps[0].manual", "names no parameter"),
    ),
    (
        "address",
        [step("up", "httpCheck", {"url": "web:80"})],
        {},
        ("spec.steps[0].httpCheck.url", "begin with http://"),
    ),
    (
        "default",
        [BACK],
        {"parameters": [{"name": "count", "type": "integer", "default": "one"}]},
        ("spec.parameters[0].default", "write digits"),
    ),
    (
        "required",
        [BACK],
        {"parameters": [{"name": "count", "required": True, "default": "1"}]},
        ("spec.parameters[0].default", "remove one of the two"),
    ),
    (
        "recovery",
        [BACK],
        {"recovery": {"stableFor": "5m", "timeout": "1m"}},
        ("spec.recovery.timeout", "write a longer"),
    ),
    (
        "match",
        [BACK],
        {"match": {"expression": "labels.team == 'shop'"}},
        ("spec.match.expression", "it sees incident alone"),
    ),
    (
        "channel",
        [BACK],
        {"channels": [CHANNEL], "escalation": [LEVEL | {"channel": "boss"}]},
        ("spec.escalation[0].channel", "write one of ops"),
    ),
    (
        "message",
        [BACK],
        {"channels": [CHANNEL], "escalation": [LEVEL | {"message": "${incident.sumary}"}]},
        ("spec.escalation[0].message", "did you mean incident.summary?"),
    ),
    (
        "interval",
        [BACK],
        {"channels": [CHANNEL], "updates": [{"channel": "ops", "every": "0m", "message": "it goes on"}]},
        ("spec.updates[0].every", "write one such as 15m"),
    ),
    ("account", [BACK], {"account": "nobody"}, ("spec.serviceAccountName", "kubectl create serviceaccount nobody")),
    ("permission", [BACK], {"account": "weak"}, ("spec.serviceAccountName", "kubectl incident check permission -n")),
    (
        "secret",
        [BACK],
        {"channels": [CHANNEL], "escalation": [LEVEL], "account": "reader"},
        ("spec.channels[0].secretRef.name", "kubectl create secret generic slack"),
    ),
]


def ready_of(obj: Object) -> Object:
    conditions = obj.get("status", {}).get("conditions", [])
    return next((item for item in conditions if item["type"] == "Ready"), {})


def judged(kube: Kube, name: str, status: str, seconds: float = 20, **wanted: str) -> Object:
    """The Ready condition of a playbook, once it says so about the playbook as it is."""

    def said(obj: Object) -> bool:
        found = ready_of(obj)
        current = found.get("observedGeneration") == obj["metadata"]["generation"]
        return current and found["status"] == status and wanted.items() <= found.items()

    return ready_of(kube.wait_for("playbook", name, said, seconds))


def touch(kube: Kube, name: str) -> None:
    """Has a playbook looked at now, as anybody can."""
    kube.run("annotate", "playbook", name, f"checked={time.monotonic()}", "--overwrite")


def secret_reader(name: str) -> list[Object]:
    """Who may get Secrets, beside what looking and rolling back takes."""
    role = {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "Role",
        "metadata": {"name": "secrets"},
        "rules": [{"apiGroups": [""], "resources": ["secrets"], "resourceNames": ["slack"], "verbs": ["get"]}],
    }
    binding = {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "RoleBinding",
        "metadata": {"name": "secrets"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "secrets"},
        "subjects": [{"kind": "ServiceAccount", "name": name}],
    }
    return [*account_with("look", "rollback", name=name), role, binding]


def test_each_of_thirty_mistakes_is_told_with_the_path_of_the_field_and_the_mend(
    shop: Kube, operator: Operator, tmp_path: Path
) -> None:
    shop.apply(*account_with("look", name="weak"), *secret_reader("reader"))
    told: dict[str, str] = {}
    for name, steps, spec, _ in MISTAKES:
        file = tmp_path / f"{name}.yaml"
        file.write_text(yaml.safe_dump(playbook(name, *steps, **spec)))
        try:
            shop.run("apply", "-f", str(file))
        except KubectlFailed as refusal:
            told[name] = str(refusal)
    for name, _, _, _ in MISTAKES:
        if name not in told:
            told[name] = judged(shop, name, "False")["message"]
    missed = {name: told[name] for name, _, _, parts in MISTAKES if not all(part in told[name] for part in parts)}
    print(json.dumps(told, indent=1))
    assert not missed
    assert len(told) >= 30


def test_a_playbook_is_in_progress_until_it_was_looked_at(namespace: Kube) -> None:
    namespace.apply(playbook("new", BACK))
    obj = namespace.get("playbook", "new")
    # kstatus takes an object without conditions for Current, unless its observed generation differs.
    assert obj["status"]["observedGeneration"] == -1 != obj["metadata"]["generation"]


def test_what_only_its_author_can_mend_is_stalled_and_what_may_come_is_reconciling(
    shop: Kube, operator: Operator
) -> None:
    shop.apply(playbook("wrong", step("back", "rollback", timeout="0s")), playbook("early", BACK, account="late"))
    judged(shop, "wrong", "False", reason="Invalid")
    judged(shop, "early", "False", reason="AccountNotFound")
    shop.run("wait", "--for=condition=Stalled", "playbook/wrong", "--timeout=5s")
    shop.run("wait", "--for=condition=Reconciling", "playbook/early", "--timeout=5s")

    shop.apply(playbook("wrong", BACK), *account_with("look", "rollback", name="late"))

    judged(shop, "wrong", "True")
    judged(shop, "early", "True", seconds=60)  # nothing tells that an account has come: it is looked at again
    for name in ("wrong", "early"):
        assert [item["type"] for item in shop.get("playbook", name)["status"]["conditions"]] == ["Ready"]


def test_a_role_that_is_removed_is_noticed_and_one_that_comes_back_too(shop: Kube, operator: Operator) -> None:
    shop.apply(playbook("mend", BACK))
    judged(shop, "mend", "True", reason="Valid")

    shop.run("delete", "rolebinding", *(f"responder-{role}" for role in ALL_ROLES if role != "look"))
    deadline = time.monotonic() + 90  # what was granted is believed for a minute
    while ready_of(shop.get("playbook", "mend"))["status"] == "True" and time.monotonic() < deadline:
        touch(shop, "mend")
        time.sleep(2)
    message = judged(shop, "mend", "False", reason="MissingPermission")["message"]
    assert '"patch deployments.apps" (needed by back)' in message

    shop.apply(*account_with("rollback"))
    touch(shop, "mend")
    judged(shop, "mend", "True")


def test_a_secret_that_is_added_makes_it_ready(shop: Kube, operator: Operator) -> None:
    shop.apply(*secret_reader("reader"))
    shop.apply(playbook("tell", BACK, account="reader", channels=[CHANNEL], escalation=[LEVEL]))
    judged(shop, "tell", "False", reason="ChannelNotReady")

    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "slack"}}
    shop.apply(secret | {"data": {"url": b64encode(URL.encode()).decode()}})
    touch(shop, "tell")

    judged(shop, "tell", "True")


def test_at_rest_a_playbook_is_not_written(shop: Kube, operator: Operator) -> None:
    shop.apply(playbook("mend", BACK))
    judged(shop, "mend", "True")
    before = shop.get("playbook", "mend")["metadata"]["resourceVersion"]
    shop.run("annotate", "playbook", "mend", "checked=now")
    touched = shop.get("playbook", "mend")["metadata"]["resourceVersion"]
    assert touched != before
    time.sleep(2)
    assert shop.get("playbook", "mend")["metadata"]["resourceVersion"] == touched


def check(kube: Kube, name: str, *options: str) -> tuple[int, str]:
    """The exit code and the output of `kubectl incident check`, as the admin."""
    done = plugin("check", name, *options, "-n", kube.namespace, kubeconfig=kube.kubeconfig)
    return done.returncode, done.stdout.decode()


@pytest.fixture
def operators_own(namespace: Kube, tmp_path: Path, start_operator: Callable[..., Operator]) -> Operator:
    """An operator with the rights of manifests/base and not one more, in a namespace that grants it nothing."""
    home = namespace.within("paramedic-system")
    home.run("apply", "-k", str(ROOT / "manifests" / "base"))
    token = home.run("create", "token", "paramedic", "--duration=1h").strip()
    config = json.loads(namespace.run("config", "view", "--raw", "-o", "json", "--minify"))
    config["users"][0]["user"] = {"token": token}
    kubeconfig = tmp_path / "operator.kubeconfig"
    kubeconfig.write_text(json.dumps(config))
    return start_operator(namespace, "--lease-namespace=paramedic-system", kubeconfig=str(kubeconfig))


def test_the_rbac_that_is_printed_for_a_new_namespace_makes_its_playbook_ready(
    namespace: Kube, operators_own: Operator
) -> None:
    secret: Object = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "slack"}}
    steps = (step("evidence", "collectEvidence"), BACK, step("restart", "rollingRestart"), step("hold", "isolate"))
    namespace.apply(playbook("all", *steps, channels=[CHANNEL], escalation=[LEVEL]))
    namespace.apply(secret | {"data": {"url": b64encode(URL.encode()).decode()}})
    judged(namespace, "all", "False", reason="AccountNotFound")

    *most, within_actions = yaml.safe_load_all(check(namespace, "all", "--rbac")[1])
    namespace.apply(*most)
    touch(namespace, "all")
    message = judged(namespace, "all", "False", reason="MissingPermission")["message"]
    assert 'the operator may not "create networkpolicies.networking.k8s.io", "create secrets"' in message
    assert f"as ServiceAccount responder in namespace {namespace.namespace}" in message
    code, told = check(namespace, "all")
    assert (code, "spec.serviceAccountName: the operator says: " in " ".join(told.split())) == (1, True)

    namespace.apply(within_actions)
    touch(namespace, "all")
    judged(namespace, "all", "True")
    code, told = check(namespace, "all")
    assert code == 0, told
    assert told.startswith("✔ Ready: playbook all: 4 steps as responder, ")


def test_an_operator_that_may_not_act_as_the_account_is_named(namespace: Kube, operators_own: Operator) -> None:
    namespace.apply(*account_with("look", "rollback"), playbook("mend", BACK))
    message = judged(namespace, "mend", "False", reason="MissingPermission")["message"]
    assert "the operator may not act as ServiceAccount responder" in message
    assert "manifests/responder" in message
