"""Who opens an incident, and with which playbook."""

import json

import pytest

from support.kube import Kube, KubectlFailed
from support.objects import incident
from support.people import binding, eventually, may_not_open, opens, role

pytestmark = pytest.mark.e2e


def test_who_opens_an_incident_is_filled_in(shop: Kube) -> None:
    assert opens(shop, "rita", incident("down", "web", "any"))["spec"]["openedBy"] == "rita"
    again = incident("again", "web", "any", openedBy="alice")
    assert opens(shop, "alice", again)["spec"]["openedBy"] == "alice"


def test_nobody_opens_an_incident_in_anothers_name(shop: Kube) -> None:
    told = may_not_open(shop, "rita", incident("down", "web", "any", openedBy="alice"))
    assert told == 'spec.openedBy is "alice", but you are "rita": leave it out or write your own name'


def test_replace_with_the_file_it_was_created_from_keeps_who_opened_it(shop: Kube) -> None:
    original = incident("down", "web", "any")
    opens(shop, "rita", original)
    shop.acting_as("alice").run("replace", "-f", "-", stdin=json.dumps(original))
    assert shop.get("incident", "down")["spec"]["openedBy"] == "rita"


def test_an_update_of_the_whole_object_as_kubectl_edit_sends_it_works(down: Kube) -> None:
    whole = down.get("incident", "down")
    whole["spec"]["impact"] = "nobody can pay"
    down.acting_as("alice").run("replace", "-f", "-", stdin=json.dumps(whole))
    assert down.get("incident", "down")["spec"]["impact"] == "nobody can pay"
    whole = down.get("incident", "down")
    whole["spec"]["openedBy"] = "bob"
    with pytest.raises(KubectlFailed, match="openedBy cannot be changed"):
        down.acting_as("alice").run("replace", "-f", "-", stdin=json.dumps(whole))


@pytest.mark.parametrize("how", [["apply"], ["apply", "--server-side"]], ids=["client", "server"])
def test_a_manifest_can_be_applied_again(how: list[str], shop: Kube) -> None:
    manifest = incident("down", "web", "any")
    for labels in ({}, {"team": "shop"}):
        manifest["metadata"]["labels"] = labels
        shop.acting_as("rita").run(*how, "-f", "-", stdin=json.dumps(manifest))
    found = shop.get("incident", "down")
    assert (found["metadata"]["labels"], found["spec"]["openedBy"]) == ({"team": "shop"}, "rita")


def test_a_playbook_is_used_with_the_verb_on_it(shop: Kube) -> None:
    shop.apply(role("one", ("paramedic.dev", "playbooks", ["use"], ["restart"])), binding("eve", "one", "Role"))
    eventually(lambda: opens(shop, "eve", incident("down", "web", "restart")))
    told = may_not_open(shop, "eve", incident("other", "web", "rollback"))
    assert told == (
        f'user "eve" may not use playbook rollback in namespace {shop.namespace}: the verb "use" on '
        "playbooks.paramedic.dev is needed (ClusterRole paramedic-responder)"
    )


def test_an_incident_that_any_playbook_may_answer_takes_the_verb_on_all_of_them(shop: Kube) -> None:
    unnamed = incident("down", "web", "any")
    del unnamed["spec"]["playbookRef"]
    shop.apply(role("one", ("paramedic.dev", "playbooks", ["use"], ["restart"])), binding("eve", "one", "Role"))
    eventually(lambda: opens(shop, "eve", incident("named", "web", "restart")))
    told = may_not_open(shop, "eve", unnamed)
    assert told.startswith(f'user "eve" may not use every playbook in namespace {shop.namespace}')
    assert "name one in spec.playbookRef" in told
    assert "playbookRef" not in opens(shop, "rita", unnamed)["spec"]
