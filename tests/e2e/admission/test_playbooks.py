"""Who writes playbooks, as which account, and with which Secrets."""

import json
from collections.abc import Callable

import pytest

from support.kube import Kube, KubectlFailed
from support.objects import playbook, step
from support.people import Object, binding, denied, eventually, role

pytestmark = pytest.mark.e2e


LOOK = step("look", "workloadStatus")
CHANNEL = {"name": "people", "secretRef": {"name": "slack", "key": "url"}}


def writes(shop: Kube, user: str, obj: Object) -> None:
    shop.acting_as(user).run("apply", "-f", "-", stdin=json.dumps(obj))


def may_not_write(shop: Kube, user: str, obj: Object) -> str:
    with pytest.raises(KubectlFailed) as refusal:
        writes(shop, user, obj)
    return denied(str(refusal.value))


def test_a_playbook_is_written_with_a_right_on_its_account(shop: Kube) -> None:
    assert may_not_write(shop, "eve", playbook("mend", LOOK)) == (
        f'user "eve" may not write playbooks that run as ServiceAccount responder in namespace {shop.namespace}: the verb '
        '"run-playbooks-as" on serviceaccounts is needed (ClusterRole paramedic-editor)'
    )
    writes(shop, "ed", playbook("mend", LOOK))


def test_a_right_on_one_account_is_none_on_another(shop: Kube) -> None:
    shop.apply(role("weak", ("", "serviceaccounts", ["run-playbooks-as"], ["weak"])), binding("eve", "weak", "Role"))
    eventually(lambda: writes(shop, "eve", playbook("mend", LOOK, account="weak")))
    told = may_not_write(shop, "eve", playbook("mend", LOOK, account="strong"))
    assert "run as ServiceAccount strong" in told


def test_new_steps_for_an_account_take_the_right_on_it_too_but_labels_do_not(shop: Kube) -> None:
    writes(shop, "ed", playbook("mend", LOOK))
    told = may_not_write(shop, "eve", playbook("mend", LOOK, step("restart", "rollingRestart")))
    assert 'user "eve" may not write playbooks that run as ServiceAccount responder' in told
    shop.acting_as("eve").run("label", "playbook", "mend", "team=shop")


def test_a_channel_takes_the_right_to_get_its_secret(shop: Kube) -> None:
    told = may_not_write(shop, "ed", playbook("mend", LOOK, channels=[CHANNEL]))
    assert told == (
        f'user "ed" may not get Secret slack in namespace {shop.namespace}, which a channel or a header of the playbook names: the verb '
        '"get" on that Secret is needed (a Role with its name in resourceNames)'
    )
    shop.apply(role("slack", ("", "secrets", ["get"], ["slack"])), binding("ed", "slack", "Role"))
    eventually(lambda: writes(shop, "ed", playbook("mend", LOOK, channels=[CHANNEL])))


def test_a_channel_that_was_there_is_left_to_who_wrote_it_but_not_another_key(shop: Kube) -> None:
    shop.apply(playbook("mend", LOOK, channels=[CHANNEL]))  # by the administrator
    writes(shop, "ed", playbook("mend", LOOK, channels=[CHANNEL], description="looks"))
    other = {"name": "people", "secretRef": {"name": "slack", "key": "other"}}
    assert 'user "ed" may not get Secret slack' in may_not_write(shop, "ed", playbook("mend", LOOK, channels=[other]))


def test_every_channel_is_checked_up_to_the_last_one(shop: Kube) -> None:
    channels = [{"name": f"c{at}", "secretRef": {"name": f"s{at}", "key": "url"}} for at in range(16)]
    shop.apply(role("most", ("", "secrets", ["get"], [f"s{at}" for at in range(15)])), binding("ed", "most", "Role"))
    eventually(lambda: writes(shop, "ed", playbook("few", LOOK, channels=channels[:15])))
    assert "may not get Secret s15" in may_not_write(shop, "ed", playbook("mend", LOOK, channels=channels))
    shop.apply(role("most", ("", "secrets", ["get"], [f"s{at}" for at in range(16)])))
    eventually(lambda: writes(shop, "ed", playbook("mend", LOOK, channels=channels)))


def http_step(headers: list[Object]) -> Object:
    return step("call", "http", {"url": "https://api.example.com/v1", "secretHeaders": headers})


def lock_step(headers: list[Object]) -> Object:
    request = {"url": "https://idp.example.com/v1"}
    provider = {"account": "mallory", "lock": request, "unlock": request, "secretHeaders": headers}
    return step("lock", "lockAccount", {"provider": provider})


@pytest.mark.parametrize("sending", [http_step, lock_step], ids=["http", "lockAccount"])
def test_a_secret_header_takes_the_right_to_get_its_secret_as_a_channel_does(
    shop: Kube, sending: Callable[[list[Object]], Object]
) -> None:
    def naming(*secrets: str) -> Object:
        refs = [{"name": f"X-{at}", "secretRef": {"name": name, "key": "token"}} for at, name in enumerate(secrets)]
        return playbook("mend", LOOK, sending(refs))

    assert "may not get Secret idp in namespace" in may_not_write(shop, "ed", naming("idp"))
    shop.apply(role("idp", ("", "secrets", ["get"], ["idp"])), binding("ed", "idp", "Role"))
    eventually(lambda: writes(shop, "ed", naming("idp")))
    assert "may not get Secret vault" in may_not_write(shop, "ed", naming("idp", "vault"))
    writes(shop, "ed", naming("idp"))  # what was there is not asked for again
