"""WebhookFailing: Pods are missing because an admission webhook that must answer does not."""

import re
from collections.abc import Iterator

from paramedic.actions.diagnosis.creation import refusal
from paramedic.actions.diagnosis.findings import Finding, Rule, quoted
from paramedic.actions.diagnosis.scene import Scene

_FAILING = re.compile(r"failed calling webhook \"(?P<name>[^\"]+)\"")


def find(scene: Scene) -> Iterator[Finding]:
    words = refusal(scene)
    if found := _FAILING.search(words):
        name = found["name"]
        owner = scene.webhooks.get(name, f"Webhook/{name}")
        text = (
            f"no Pod of {scene.target} can be created, since webhook {name} of {owner} does not answer: {quoted(words)}"
        )
        yield Finding(RULE.kind, owner, f"webhooks[{name}].clientConfig", words, text)


RULE = Rule("WebhookFailing", find)
