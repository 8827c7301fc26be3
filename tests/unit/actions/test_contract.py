"""What every action promises, whichever it is."""

from typing import Any

import pytest
import yaml

from paramedic.actions.contract import Action
from paramedic.actions.reads import GetObject, Missing, Seen
from paramedic.actions.registry import ACTIONS
from paramedic.model.references import POD, ObjectRef
from unit.builders import context, workload
from unit.seen import World

actions = pytest.mark.parametrize("action", ACTIONS.values(), ids=list(ACTIONS))


def example(action: Action[Any]) -> Any:
    return action.parameters.model_validate(yaml.safe_load(action.example)[action.name])


@actions
def test_every_parameter_is_described(action: Action[Any]) -> None:
    assert all(field.description for field in action.parameters.model_fields.values())


@actions
def test_a_parameter_that_does_not_exist_is_refused(action: Action[Any]) -> None:
    with pytest.raises(ValueError, match="Extra inputs are not permitted"):
        action.parameters.model_validate({"noSuchParameter": 1})


@actions
def test_a_check_only_looks(action: Action[Any]) -> None:
    if action.check:
        assert not action.remedy
        with pytest.raises(TypeError, match="only looks"):
            action.observe(example(action), context(), {}, Seen())


@actions
def test_an_action_that_cannot_be_undone_says_so(action: Action[Any]) -> None:
    if not (action.can_undo or action.reverts):
        with pytest.raises(TypeError, match="cannot be undone"):
            action.undo(example(action), context(), {}, Seen())


@actions
def test_an_action_without_effects_needs_no_permission_to_write(action: Action[Any]) -> None:
    written = [item for item in action.permissions(example(action), "Deployment") if item.verb not in ("get", "list")]
    sends = bool(action.endpoints(example(action)))  # to the outside, which takes no permission of the cluster
    assert bool(written) == ((action.remedy and not sends) or action.name in ("collectEvidence", "snapshotVolumes"))


@actions
def test_what_sends_to_the_outside_says_what_happens_when_its_outcome_is_not_known(action: Action[Any]) -> None:
    params = example(action)
    assert bool(action.endpoints(params)) == bool(action.on_unknown(params))


def test_a_question_without_an_answer_is_carried_out_to_whoever_can_answer() -> None:
    ref = ObjectRef.to(POD, "shop", "web-1")
    with pytest.raises(Missing) as missing:
        Seen().get(ref)
    assert missing.value.reads == (GetObject(ref),)


def test_an_object_is_asked_for_once_whether_or_not_its_uid_is_known() -> None:
    obj = {"kind": "Pod"}
    seen = Seen({GetObject(ObjectRef.to(POD, "shop", "web-1")): obj})
    assert seen.get(ObjectRef.to(POD, "shop", "web-1", uid="u-1")) is obj


@actions
def test_what_an_action_foresees_is_what_it_asks(action: Action[Any]) -> None:
    """Asked ahead in vain, it would cost a request at each incident."""
    foreseen = set(action.foreseen(example(action), "shop"))
    if foreseen:
        world = World.of(workload())
        world.ask(lambda seen: action.prepare(example(action), context(), seen))
        assert foreseen <= set(world.asked)


def test_several_questions_are_asked_at_once() -> None:
    questions = [GetObject(ObjectRef.to(POD, "shop", f"web-{number}")) for number in range(3)]
    with pytest.raises(Missing) as missing:
        Seen({questions[0]: None}).prefetch(questions)
    assert missing.value.reads == (questions[1], questions[2])


@actions
def test_a_parameter_named_channel_is_a_channel_of_the_playbook(action: Action[Any]) -> None:
    params = example(action)
    named = {getattr(params, "channel", None)} - {None}
    assert {*action.channels(params)} == named
