"""The CustomResourceDefinitions, generated from the models in `api/v1alpha1`."""

from typing import Any

from pydantic import BaseModel

from paramedic.actions.registry import ACTIONS
from paramedic.api.v1alpha1.base import GROUP, VERSION
from paramedic.api.v1alpha1.incident import PLACEHOLDER, TARGET_KINDS, Incident
from paramedic.api.v1alpha1.playbook import Playbook
from paramedic.api.v1alpha1.steps import CHECKS
from paramedic.codegen.structural import Schema, structural

Rule = dict[str, Any]


def incident_crd() -> Schema:
    schema = _schema(Incident)
    spec, status = schema["properties"]["spec"], schema["properties"]["status"]
    approvals = spec["properties"]["approvals"]
    # Empty rather than absent, so that `add /spec/approvals/-` always has a list to add to.
    approvals |= {"default": [], "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["step", "by"]}
    approvals["items"]["x-kubernetes-validations"] = [
        {"rule": f"self.by != '{PLACEHOLDER}'", "message": "write your own name", "fieldPath": ".by"}
    ]
    spec["x-kubernetes-validations"] = _immutable(spec) + _people_rules()
    target = spec["properties"]["targetRef"]
    target["x-kubernetes-validations"] = [_target_rule()]
    spec["properties"]["notes"] |= {"default": []}
    spec["properties"]["undo"] |= {
        "default": [], "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["step"]
    }  # fmt: skip
    status["properties"]["conditions"] |= {
        "x-kubernetes-list-type": "map",
        "x-kubernetes-list-map-keys": ["type"],
    }
    status["properties"]["steps"] |= {"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"]}
    columns = [
        ("Severity", ".status.severity", 0, "Critical, Warning or Info"),
        ("Phase", ".status.phase", 0, "Where the incident stands"),
        ("Step", ".status.currentStep", 0, "The step it stands at"),
        ("Progress", ".status.progress", 0, "That step, of all steps"),
        ("Playbook", ".status.playbook.name", 0, "The playbook it follows"),
        ("Target", ".status.target", 0, "What is worked on"),
        ("Acknowledged", ".status.acknowledgedBy", 1, "Who has taken it"),
        ("Message", ".status.message", 1, "What it is doing, or why it stopped and what to do"),
    ]
    fields = [".status.phase", ".status.target", ".status.playbook.name", ".spec.alert.fingerprint"]
    return _definition("Incident", "incidents", "inc", schema, columns, fields)


def playbook_crd() -> Schema:
    schema = _schema(Playbook)
    spec, status = schema["properties"]["spec"], schema["properties"]["status"]
    steps, checks = spec["properties"]["steps"], spec["properties"]["recovery"]["properties"]["checks"]
    for named in (steps, checks, spec["properties"]["parameters"], spec["properties"]["channels"]):
        named |= {"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"]}
    undoable = [name for name, action in ACTIONS.items() if action.can_undo]
    steps["items"]["x-kubernetes-validations"] = [_one_of("step", list(ACTIONS)), _undo_rule(undoable)]
    checks["items"]["x-kubernetes-validations"] = [_one_of("check", CHECKS)]
    status["properties"]["conditions"] |= {"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["type"]}
    # As Flux does: until it was looked at, the observed generation differs from the object's, so that kstatus waits.
    status["default"] = {"observedGeneration": -1}
    columns = [
        ("Ready", '.status.conditions[?(@.type=="Ready")].status', 0, "Whether incidents can use it"),
        ("Severity", ".spec.severity", 0, "Of incidents that do not say"),
        ("Account", ".spec.serviceAccountName", 0, "Whose permissions the steps run with"),
        ("Message", '.status.conditions[?(@.type=="Ready")].message', 1, "What is wrong with it"),
    ]
    return _definition("Playbook", "playbooks", "pb", schema, columns, [])


def _schema(model: type[BaseModel]) -> Schema:
    """A model of a whole object: apiVersion, kind and metadata are the API server's."""
    schema = structural(model)
    schema["properties"] |= {
        "apiVersion": {"type": "string", "description": f"{GROUP}/{VERSION}."},
        "kind": {"type": "string", "description": f"{model.__name__}."},
        "metadata": {"type": "object"},
    }
    schema["required"] = ["spec"]
    schema["properties"]["status"].pop("default", None)
    return schema


def _definition(
    kind: str, plural: str, short: str, schema: Schema, columns: list[tuple[str, str, int, str]], fields: list[str]
) -> Schema:
    printed = [
        {"name": name, "type": "string", "jsonPath": path, "priority": priority, "description": text}
        for name, path, priority, text in columns
    ]
    printed.append({"name": "Age", "type": "date", "jsonPath": ".metadata.creationTimestamp"})
    version = {
        "name": VERSION,
        "served": True,
        "storage": True,
        "schema": {"openAPIV3Schema": schema},
        "subresources": {"status": {}},
        "additionalPrinterColumns": printed,
    }
    if fields:
        version["selectableFields"] = [{"jsonPath": path} for path in fields]
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.{GROUP}", "labels": {"app.kubernetes.io/part-of": "paramedic"}},
        "spec": {
            "group": GROUP,
            "scope": "Namespaced",
            "names": {
                "kind": kind,
                "listKind": f"{kind}List",
                "plural": plural,
                "singular": kind.lower(),
                "shortNames": [short],
                "categories": ["response"],
            },
            "versions": [version],
        },
    }


def _one_of(what: str, names: list[str]) -> Rule:
    """Exactly one action, with a message that says what was found. A `oneOf` would answer `<nil>`; a list function in
    the message would exceed the rule's cost budget a hundredfold.
    """
    count = " + ".join(f"(has(self.{name}) ? 1 : 0)" for name in names)
    found = " + ".join(f"(has(self.{name}) ? ' {name}' : '')" for name in names)
    some = f"'the {what} has no action; add one, such as {names[-1] if what == 'check' else 'rollback'}: {{}} (write the braces: an empty value is dropped)'"
    more = f"'a {what} has exactly one action, but this one has' + {found}"
    return {"rule": f"{count} == 1", "messageExpression": f"{count} == 0 ? {some} : {more}"}


def _undo_rule(undoable: list[str]) -> Rule:
    has = " || ".join(f"has(self.{name})" for name in undoable)
    return {
        "rule": f"!has(self.undo) || self.undo == 'Never' || {has}",
        "message": f"only {' and '.join(undoable)} can be undone; write Never or leave undo out",
        "fieldPath": ".undo",
    }


def _target_rule() -> Rule:
    pairs = " || ".join(
        f"(self.kind == '{kind}' && self.apiVersion == '{version}')" for kind, version in TARGET_KINDS.items()
    )
    return {
        "rule": pairs,
        "messageExpression": "'a ' + self.kind + ' has the apiVersion ' + (self.kind == 'Pod' || self.kind == 'Node' ? 'v1' : 'apps/v1') + ', not ' + self.apiVersion",
        "fieldPath": ".apiVersion",
    }


_MUTABLE = ("acknowledgedBy", "lead", "impact", "notes", "approvals", "undo", "cancel")


def _immutable(spec: Schema) -> list[Rule]:
    """One rule a field, so that the message names it."""
    rules = []
    for name in spec["properties"]:
        if name in _MUTABLE:
            continue
        same = f"self.{name} == oldSelf.{name}"
        if name not in spec.get("required", []):
            same = f"has(self.{name}) == has(oldSelf.{name}) && (!has(self.{name}) || {same})"
        rules.append(
            {
                "rule": same,
                "message": f"{name} cannot be changed once the incident is open; cancel it and open another",
                "fieldPath": f".{name}",
            }
        )
    return rules


def _people_rules() -> list[Rule]:
    return [
        *(_append_only(name) for name in ("approvals", "notes", "undo")),
        {
            "rule": "!has(oldSelf.cancel) || (has(self.cancel) && self.cancel == oldSelf.cancel)",
            "message": "a cancelled incident stays cancelled; open another one",
            "fieldPath": ".cancel",
        },
    ]


def _append_only(name: str) -> Rule:
    kept = f"has(self.{name}) && oldSelf.{name}.all(o, o in self.{name})"
    return {
        "rule": f"!has(oldSelf.{name}) || size(oldSelf.{name}) == 0 || ({kept})",
        "message": f"{name} are added, never changed or taken away"
        if name != "undo"
        else "undo requests are added, never changed or taken away",
        "fieldPath": f".{name}",
    }
