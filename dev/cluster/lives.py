"""The lives of simulated Pods: which image tag leads to which fate."""

from __future__ import annotations

import re
from collections.abc import Iterable
from enum import StrEnum


class Life(StrEnum):
    """What becomes of a Pod."""

    READY = "ready"
    NEVER_READY = "never-ready"
    CRASH = "crash"
    PULL_ERROR = "pull-error"
    SLOW_START = "slow-start"
    COMPLETES = "completes"


# Every other tag, and none, means READY.
LIFE_OF_TAG = {
    "never-ready": Life.NEVER_READY,
    "broken": Life.CRASH,
    "crash-loop": Life.CRASH,
    "missing": Life.PULL_ERROR,
    "pull-error": Life.PULL_ERROR,
    "slow-start": Life.SLOW_START,
    "completes": Life.COMPLETES,
}


def tags(life: Life) -> list[str]:
    """The image tags that lead to this life."""
    return [tag for tag, leads_to in LIFE_OF_TAG.items() if leads_to is life]


def tag_of(image: str) -> str:
    """The tag of an image reference, empty when it has none: `registry:5000/team/web:v1@sha256:…` has `v1`."""
    last = image.partition("@")[0].rpartition("/")[2]
    return last.partition(":")[2]


def life_of_container(image: str) -> Life:
    """What becomes of one container; the others of its Pod live their own lives."""
    return LIFE_OF_TAG.get(tag_of(image), Life.READY)


def life_of_pod(images: Iterable[str]) -> Life:
    """What becomes of the Pod: the fate of its first container whose tag means something."""
    fates = (life_of_container(image) for image in images)
    return next((life for life in fates if life is not Life.READY), Life.READY)


def jq_life() -> str:
    """`life_of_pod` as a jq expression over a Pod, for kwok's selectors."""
    table = ",".join(f'"{tag}":"{life}"' for tag, life in LIFE_OF_TAG.items())
    tag = 'split("@")[0] | split("/") | .[-1] | split(":") | .[1]'
    return f'[.spec.containers[].image | {tag} | select(. != null) | {{{table}}}[.] | select(. != null)][0] // "ready"'


def is_plain_tag(tag: str) -> bool:
    """Whether the tag can stand in the expressions above without quoting."""
    return bool(re.fullmatch(r"[a-z0-9.-]+", tag))
