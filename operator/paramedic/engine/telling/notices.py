"""Messages to people as a list in the status: written down, then sent, then what became of it. So each goes out at most
once for each attempt, whoever is killed when, and none holds a remedy up.
"""

from datetime import timedelta

from paramedic.api.v1alpha1.incident_status import Notification, Policy
from paramedic.engine.run import Happening, Run
from paramedic.engine.telling.messages import title
from paramedic.model.names import operation_id
from paramedic.model.text import shorten
from paramedic.model.times import format_time, parse_time

ATTEMPTS = 5
_FIRST_PAUSE = timedelta(seconds=15)
_KEPT = 32


def add_notice(run: Run, policy: Policy, account: str, channel: str, reason: str, text: str) -> None:
    """Writes a message down, to be sent once it is stored. The same one, by reason and channel, is written once."""
    number = sum(item.reason == reason and item.channel == channel for item in run.status.notifications)
    found = next((item for item in policy.channels if item["name"] == channel), None)
    notice = Notification(
        id=operation_id(run.incident.metadata.uid, f"notice/{reason}/{channel}/{number}", 1),
        reason=reason,
        channel=channel,
        account=account,
        at=run.stamp(),
        title=title(run),
        text=shorten(text, 2000),
    )
    if found is None:
        notice.state, notice.message = "Failed", f"the playbook has no channel {channel}; add it to spec.channels"
    else:
        notice.secret = f"{found['secretRef']['name']}/{found['secretRef']['key']}"
    run.status.notifications.append(notice)
    _prune(run)


def settle_notices(run: Run) -> None:
    """Writes down what became of what was sent, and begins what must be tried again."""
    stored = {item.id for item in run.incident.status.notifications}
    for item in run.status.notifications:
        if item.state == "Sending" and item.id in stored:
            _settle(run, item)
        elif item.state == "Failed" and item.not_before and parse_time(item.not_before) <= run.now:
            item.state, item.not_before, item.attempt = "Sending", None, item.attempt + 1
            item.id = operation_id(run.incident.metadata.uid, f"retry/{item.id}", item.attempt)


def next_notice(run: Run) -> timedelta | None:
    """How long until a message must be tried again."""
    moments = [parse_time(item.not_before) for item in run.status.notifications if item.not_before]
    return max(timedelta(0), min(moments) - run.now) if moments else None


def _settle(run: Run, item: Notification) -> None:
    delivery = run.delivered.get(item.id)
    if delivery is None:
        if item.id not in run.sending:
            item.state = "Unknown"
            item.message = "the operator was restarted while it was sent: it may have arrived, so it is not sent again"
            _tell(run, item)
        return
    item.state, item.message = delivery.state, shorten(delivery.message, 500)
    if item.state == "Failed" and not delivery.final and item.attempt < ATTEMPTS:
        item.not_before = format_time(run.now + _FIRST_PAUSE * 2 ** (item.attempt - 1))
        return
    _tell(run, item)


def _tell(run: Run, item: Notification) -> None:
    """On the timeline: what was told to whom, or that it could not be."""
    if item.state == "Sent":
        run.note("Notified", f"told {item.channel} ({item.reason}): {' '.join(item.text.split())}")
        item.text = ""
        return
    word = "may not have been told" if item.state == "Unknown" else "could not be told"
    text = f"{item.channel} {word} ({item.reason}): {item.message}"
    run.tell(Happening("NotificationFailed", text, warning=True))


def _prune(run: Run) -> None:
    """The oldest that are over go first."""
    notices = run.status.notifications
    while len(notices) > _KEPT:
        over = next((item for item in notices if item.state != "Sending" and not item.not_before), None)
        notices.remove(over or notices[0])
