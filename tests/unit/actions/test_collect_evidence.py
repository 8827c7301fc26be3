"""collectEvidence keeps what there is to see, unchanged and within bounds."""

import base64
import gzip
import hashlib
import json
import random
from typing import Any

import pytest

from paramedic.actions.contract import Finished, Intent, Pending
from paramedic.actions.effects import Create
from paramedic.actions.evidence.secret import PIECE_BYTES, SECRET_BYTES
from paramedic.actions.reads import EXISTS, GetObject, ReadLog
from paramedic.model.objects import Object
from paramedic.model.references import NODE, ObjectRef
from unit.acting import expect, observe, only_effect, prepare, record_of, refused
from unit.builders import NAMESPACE, context, node, on_node, pod, replica_set, template, workload
from unit.seen import World


def event(reason: str, name: str = "web-1", at: str = "2026-11-24T02:59:00Z") -> Object:
    return {
        "kind": "Event",
        "metadata": {"name": f"{name}.{reason}", "namespace": NAMESPACE},
        "involvedObject": {"kind": "Pod", "name": name},
        "type": "Warning",
        "reason": reason,
        "message": "because",
        "lastTimestamp": at,
        "count": 3,
    }


def shop(*more: Object, pods: int = 1, **answers: Any) -> World:
    found = [pod(f"web-{number}") for number in range(1, pods + 1)]
    return World.of(
        workload(), replica_set(1, template()), replica_set(2, template("web:v2")), *found, *more, **answers
    )


def secret_of(world: World, **params: Any) -> Object:
    record = record_of(prepare("collectEvidence", world, **params))
    return only_effect(observe("collectEvidence", world, record, **params), Create).body


def pieces_of(world: World, **params: Any) -> dict[str, bytes]:
    """Content by name, as somebody who reads the Secret finds it."""
    data = secret_of(world, **params)["data"]
    return {key.removesuffix(".gz"): gzip.decompress(base64.b64decode(value)) for key, value in data.items()}


def noise(length: int, seed: int = 1) -> bytes:
    """What cannot be compressed."""
    return random.Random(seed).randbytes(length)


# --- what is collected


def test_everything_is_collected_unless_the_playbook_says_less() -> None:
    assert sorted(pieces_of(shop())) == [
        "events.txt", "pods.json", "policies.json", "revisions.json", "web-1.web.log", "workload.json",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "names"),
    [
        ("Describe", ["pods.json", "revisions.json", "workload.json"]),
        ("Events", ["events.txt"]),
        ("Logs", ["web-1.web.log"]),
        ("Policies", ["policies.json"]),
    ],
)
def test_a_playbook_may_ask_for_one_kind(kind: str, names: list[str]) -> None:
    assert sorted(pieces_of(shop(), include=[kind])) == names


def test_a_log_is_kept_as_it_was_read() -> None:
    world = shop(logs={("web-1", "web", False): b"panic: \xff\n"})
    assert pieces_of(world)["web-1.web.log"] == b"panic: \xff\n"


def test_the_log_before_is_kept_of_a_container_that_restarted() -> None:
    crashed = pod("web-9")
    crashed["status"]["containerStatuses"][0]["restartCount"] = 4
    world = shop(crashed, logs={("web-9", "web", True): b"out of memory\n"})
    assert pieces_of(world)["web-9.web.previous.log"] == b"out of memory\n"


def test_a_log_that_cannot_be_read_says_so() -> None:
    assert pieces_of(shop())["web-1.web.log"] == b"no log could be read\n"


def test_logs_of_pods_that_are_not_ready_come_first() -> None:
    world = shop(pod("web-9", ready=False), pods=5)
    assert sorted(pieces_of(world, include=["Logs"], maxPods=1)) == ["web-9.web.log"]


def test_so_many_last_lines_of_a_log_are_asked_for() -> None:
    world = shop()
    prepare("collectEvidence", world, tailLines=42)
    assert {read.tail_lines for read in world.asked if isinstance(read, ReadLog)} == {42}


def test_events_of_the_workload_and_its_pods_are_kept_oldest_first() -> None:
    late, early = event("Killing", at="2026-11-24T02:59:30Z"), event("BackOff", at="2026-11-24T02:58:00Z")
    assert pieces_of(shop(late, early, event("Other", "db-0")))["events.txt"].decode().splitlines() == [
        "2026-11-24T02:58:00Z Warning BackOff Pod/web-1 x3: because",
        "2026-11-24T02:59:30Z Warning Killing Pod/web-1 x3: because",
    ]


def test_no_events_is_said_rather_than_left_out() -> None:
    assert pieces_of(shop())["events.txt"] == b"no events\n"


def test_fields_that_only_the_api_server_cares_for_are_left_out() -> None:
    world = shop()
    world.objects["Deployment", "web"]["metadata"]["managedFields"] = [{"manager": "kubectl"}]
    assert b"managedFields" not in pieces_of(world)["workload.json"]


def test_revisions_are_kept_newest_first() -> None:
    assert [item["revision"] for item in json.loads(pieces_of(shop())["revisions.json"])] == [2, 1]


def test_policies_that_may_not_be_read_are_said_to_be_missing() -> None:
    world = shop(denied_kinds=frozenset({"NetworkPolicy"}))
    assert pieces_of(world)["policies.json"] == b"not read: responder may not read NetworkPolicy\n"


def test_a_vanished_target_has_no_evidence() -> None:
    assert "Deployment/web is gone" in refused(prepare("collectEvidence", World.of()))


# --- how it is kept


def test_the_secret_cannot_be_changed() -> None:
    assert secret_of(shop())["immutable"] is True


def test_the_secret_is_deleted_with_its_incident() -> None:
    (owner,) = secret_of(shop())["metadata"]["ownerReferences"]
    assert (owner["kind"], owner["name"], owner["uid"]) == ("Incident", "checkout-down", context().incident_uid)


def test_the_secret_says_which_step_of_which_incident_it_came_from() -> None:
    assert secret_of(shop())["metadata"]["labels"] == {
        "app.kubernetes.io/managed-by": "paramedic",
        "paramedic.dev/incident": "checkout-down",
        "paramedic.dev/step": "mend",
    }


def test_the_same_things_seen_give_the_same_bytes() -> None:
    assert secret_of(shop()) == secret_of(shop())


def test_the_sha256_and_the_length_are_those_of_the_content_before_compression() -> None:
    world = shop(logs={("web-1", "web", False): b"panic\n"})
    done = expect(Pending, observe("collectEvidence", world, record_of(prepare("collectEvidence", world)))).done
    assert done is not None
    kept = {item.name: (item.sha256, item.bytes) for item in done.evidence}
    assert kept == {name: (hashlib.sha256(text).hexdigest(), len(text)) for name, text in pieces_of(world).items()}


def test_the_outputs_name_the_secret_and_count_its_pieces() -> None:
    world = shop()
    done = expect(Pending, observe("collectEvidence", world, record_of(prepare("collectEvidence", world)))).done
    assert done is not None
    assert dict(done.outputs) == {"secret": secret_of(world)["metadata"]["name"], "pieces": 6}


def test_the_intent_says_how_much_is_kept() -> None:
    assert expect(Intent, prepare("collectEvidence", shop())).message == (
        "keeping 6 pieces of evidence about Deployment/web"
    )


def after_a_crash(exists: bool) -> object:
    """What is observed when the log has grown since the intent, and the Secret of the intent exists or not."""
    record = record_of(prepare("collectEvidence", shop(logs={("web-1", "web", False): b"before\n"})))
    later = shop(logs={("web-1", "web", False): b"after\n"}, dry_run_refusal=EXISTS if exists else "")
    return observe("collectEvidence", later, record)


def test_a_secret_from_before_a_crash_is_told_with_the_digests_that_were_recorded() -> None:
    kept = {item.name: item.sha256 for item in expect(Finished, after_a_crash(exists=True)).evidence}
    assert kept["web-1.web.log"] == hashlib.sha256(b"before\n").hexdigest()


def test_an_intent_whose_secret_was_never_created_is_written_anew_before_another_is() -> None:
    record = expect(Intent, after_a_crash(exists=False)).record
    kept = {item["name"]: item["sha256"] for item in record["evidence"]}
    assert kept["web-1.web.log"] == hashlib.sha256(b"after\n").hexdigest()


def test_other_content_has_another_secret_so_a_late_create_is_never_taken_for_ours() -> None:
    assert name_for(b"before\n") != name_for(b"after\n")


def name_for(log: bytes) -> str:
    return str(secret_of(shop(logs={("web-1", "web", False): log}))["metadata"]["name"])


# --- within bounds


def test_a_log_that_is_too_long_keeps_its_head_and_its_tail() -> None:
    world = shop(logs={("web-1", "web", False): b"first" + b"." * 900_000 + b"last"})
    log = pieces_of(world, include=["Logs"])["web-1.web.log"]
    assert (log[:5], log[-4:], len(log) <= PIECE_BYTES + 60) == (b"first", b"last", True)


@pytest.mark.parametrize("include", [["Logs"], ["Describe", "Events", "Logs", "Policies"]])
def test_a_log_that_is_too_long_says_how_much_was_left_out(include: list[str]) -> None:
    world = shop(logs={("web-1", "web", False): b"." * 900_000})
    log = pieces_of(world, include=include)["web-1.web.log"]
    dots = log.count(b".")
    assert f"[… {900_000 - dots} bytes left out here …]".encode() in log


@pytest.mark.parametrize("pods", [1, 2, 3, 7, 20])
def test_the_secret_stays_within_its_limit_however_little_the_logs_compress(pods: int) -> None:
    logs = {(f"web-{number}", "web", False): noise(400_000, number) for number in range(1, pods + 1)}
    data = secret_of(shop(pods=pods, logs=logs), include=["Logs"], maxPods=20)["data"]
    assert sum(len(base64.b64decode(value)) for value in data.values()) <= SECRET_BYTES


def test_the_secret_stays_within_its_limit_however_many_containers_there_are() -> None:
    containers = [{"name": f"c{number}"} for number in range(10)]
    pods = [pod(f"web-{number}", containers=containers) for number in range(20)]
    logs = {
        (f"web-{number}", f"c{c}", False): noise(20_000, number * 10 + c) for number in range(20) for c in range(10)
    }
    data = secret_of(shop(*pods, pods=0, logs=logs), include=["Logs"], maxPods=20)["data"]
    assert sum(len(base64.b64decode(value)) for value in data.values()) <= SECRET_BYTES


def test_the_intent_writes_down_no_more_pieces_than_the_status_lists() -> None:
    containers = [{"name": f"c{number}"} for number in range(10)]
    many = [pod(f"web-{number}", containers=containers) for number in range(20)]
    assert len(record_of(prepare("collectEvidence", shop(*many, pods=0), maxPods=20))["evidence"]) == 64


# --- of a Node


def on_a_node(*more: Object) -> World:
    return World.of(node("n1"), pod("web-1", nodeName="n1"), *more)


def test_of_a_node_what_it_says_is_kept_and_the_logs_of_the_pods_on_it() -> None:
    world = on_a_node()
    world.logs = {("web-1", "web", False): b"disk full\n"}
    record = record_of(prepare("collectEvidence", world, on_node()))
    names = {item["name"] for item in record["evidence"]}
    assert names == {"node.json", "pods.json", "events.txt", "policies.json", "web-1.web.log"}


def test_a_node_is_read_as_the_operator_itself() -> None:
    world = on_a_node()
    prepare("collectEvidence", world, on_node())
    assert GetObject(ObjectRef.to(NODE, "", "n1"), own=True) in world.asked


def test_a_node_that_was_registered_again_is_another_one() -> None:
    message = refused(prepare("collectEvidence", on_a_node(), on_node(uid="uid-of-the-old-one")))
    assert message == "Node/n1 is gone, or another one has its name; open a new incident"
