"""Objects before and after, as their YAML differs; and what the change means for Pods."""

import copy
from typing import Any

from paramedic.actions.changes import Change
from paramedic.cli.screens.diff import diff_rows
from paramedic.cli.screens.plan import plan_page
from paramedic.model.objects import Object
from paramedic.model.permissions import Permission
from paramedic.model.references import DEPLOYMENT, POD, SECRET, ObjectRef
from paramedic.preview import Grant, Preview, StepPreview
from unit.builders import workload
from unit.cli.rendering import lines, terminal, text


def changed(obj: Object, *path: str, value: Any) -> Object:
    found = copy.deepcopy(obj)
    holder = found
    for key in path[:-1]:
        holder = holder[key]
    holder[path[-1]] = value
    return found


def change(before: Object | None, after: Object | None, kind: Any = DEPLOYMENT, verb: str = "patch") -> Change:
    return Change(ObjectRef.to(kind, "shop", "web"), verb, before, after)


WEB = workload()
SCALED = changed(WEB, "spec", "replicas", value=5)


def test_only_what_differs_is_shown_with_a_little_around_it() -> None:
    shown = [row.plain for row in diff_rows(change(WEB, SCALED))]
    assert shown == [
        "--- Deployment/web now",
        "+++ Deployment/web after",
        "@@ -5,5 +5,5 @@",
        "   namespace: shop",
        " spec:",
        "-  replicas: 3",
        "+  replicas: 5",
        "   selector:",
        "     matchLabels:",
    ]


def test_what_only_the_server_writes_makes_no_difference() -> None:
    touched = changed(changed(WEB, "metadata", "resourceVersion", value="999"), "status", value={"replicas": 1})
    assert [row.plain for row in diff_rows(change(WEB, touched))] == ["Deployment/web stays as it is"]


def test_values_of_secrets_are_never_shown() -> None:
    secret = {"kind": "Secret", "metadata": {"name": "web"}, "data": {"password": "aHVudGVyMg=="}}
    shown = "\n".join(row.plain for row in diff_rows(change(None, secret, SECRET, "create")))
    assert "aHVudGVyMg==" not in shown
    assert "+  password: (not shown)" in shown


def test_a_very_long_diff_is_cut_and_says_so() -> None:
    after = changed(WEB, "metadata", "annotations", value={f"key{n:03}": "x" for n in range(300)})
    assert [row.plain for row in diff_rows(change(WEB, after))][-1].startswith("… ")


def test_what_a_change_means_for_pods_is_said_in_numbers() -> None:
    template = changed(WEB, "spec", "template", "metadata", "annotations", value={"a": "b"})
    assert change(WEB, template).pods == "3 Pods replaced, at most 0 down at a time"
    assert change(WEB, SCALED).pods == "2 Pods more: 3 → 5"
    assert change(SCALED, WEB).pods == "2 Pods fewer: 5 → 3"
    assert change({"kind": "Pod", "metadata": {}}, None, POD, "delete").pods == "1 Pod deleted"
    assert change(WEB, changed(WEB, "metadata", "labels", value={"a": "b"})).pods == ""


SCALE = StepPreview("more", "scale", "Change", "scaling it", ask="it costs", changes=(change(WEB, SCALED),))
PREVIEW = Preview(
    "mend", "responder", "Deployment/web", "3f9a" * 16, steps=(SCALE,), recovery="healthy",
    grants=(
        Grant(Permission("get", "pods"), ("more",), True),
        Grant(Permission("patch", "deployments", "apps"), ("more",), False),
        Grant(Permission("list", "events"), ("more",), None),
    ),
)  # fmt: skip


def test_a_plan_is_one_answer_then_steps_objects_pods_and_permissions() -> None:
    assert lines(plan_page(PREVIEW)) == [
        "✖ Would fail: the account may not patch deployments.apps",
        "Target Deployment/web, playbook mend, as ServiceAccount responder",
        "",
        "± would change  more  scaling it",
        "  ├ approval it costs",
        "  ├ object   patch Deployment/web",
        "  └ Pods     2 Pods more: 3 → 5",
        "    --- Deployment/web now",
        "    +++ Deployment/web after",
        "    @@ -5,5 +5,5 @@",
        "       namespace: shop",
        "     spec:",
        "    -  replicas: 3",
        "    +  replicas: 5",
        "       selector:",
        "         matchLabels:",
        "  recovery      healthy",
        "",
        "✔ may      get pods",
        "✖ may not  patch deployments.apps (for more)",
        "? unknown  list events",
        "  you may not ask what the account may do (create localsubjectaccessreviews)",
    ]


def test_a_plan_in_colour_marks_what_goes_red_and_what_comes_green() -> None:
    console = terminal()
    with console.capture() as captured:
        console.print(plan_page(PREVIEW))
    assert "\x1b[31m-  replicas: 3" in captured.get()
    assert "\x1b[32m+  replicas: 5" in captured.get()


def test_a_plan_that_changes_nothing_says_so() -> None:
    assert text(plan_page(Preview("mend", "responder", "Deployment/web", "3f9a" * 16))).startswith(
        "✔ Plan 3f9a3f9a3f9a: nothing would change. Nothing was changed."
    )
