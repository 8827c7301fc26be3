"""Plain text that a service shows literally: no markup of others is rendered, nobody is mentioned, nothing overflows.

Titles and texts hold log lines and labels that anybody may have written. Apprise escapes text for services that it
sends Markdown or HTML to; here is what it leaves as it is.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass

from apprise.common import NotifyFormat
from apprise.conversion import convert_between
from apprise.plugins.base import NotifyBase

from paramedic.notify.contract import Notice
from paramedic.notify.services import kind_of

_ZERO_WIDTH = "\u200b"
_INVISIBLE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
#: @here, @team, <!channel>, <@U123>, <users/all>, <at>. Not user@host, unless it ends in a word that calls everybody.
_MENTION = re.compile(r"(?:(?<!\w)@|@(?=everyone|here|channel|all\b)|<(?=[!@#&]|users/|at\b))", re.IGNORECASE)
_URL = re.compile(r"(https?://[^\s<>*`|\[\]()~\\]+)")
_MARKUP = re.compile(
    r"[\\`*_~|<>\[\]#]|&(?=#?\w+;)|(?<![^\n])(?P<bullet>\s*)(?:(?P<mark>[-+=])|(?P<number>\d+)(?=[.)]))"
)

#: By service, as `kind_of` names it. Render Markdown whatever they are told; Apprise sends them text as it is.
_ALWAYS_MARKDOWN = frozenset(
    {"discord", "fluxer", "guilded", "humhub", "mattermost", "nextcloudtalk", "revolt", "ryver", "serverchan", "zulip"}
)
#: Render Markdown in titles too, which Apprise does not escape.
_MARKDOWN_TITLES = _ALWAYS_MARKDOWN | {"workflows"}
#: Machines read these: nobody is mentioned in them, and what they get is the text itself.
_DATA = frozenset({"custom_form", "custom_json", "custom_xml", "jira", "opsgenie"})
#: What the service accepts, where Apprise's own limit is higher: title, text.
_LIMITS = {"slack": (150, 2900)}
_LONGEST = 32_768
_BETWEEN = 24  # what Apprise may put between title and text


@dataclass(frozen=True)
class Rendered:
    title: str
    text: str


def clean(text: str) -> str:
    """Without characters that are not seen but do something: controls, and marks that change the direction."""
    return _INVISIBLE.sub("", text.replace("\r\n", "\n").replace("\r", "\n")).strip()


def one_line(text: str) -> str:
    return " ".join(clean(text).split())


def without_mentions(text: str) -> str:
    """A mark without width after what would call people: it looks the same, and calls nobody."""
    return _MENTION.sub(lambda found: found[0] + _ZERO_WIDTH, text)


def escape_markdown(text: str) -> str:
    """A backslash before what Markdown would read as markup. Links stay as they are."""
    parts = _URL.split(text)
    return "".join(part if index % 2 else _escape(part) for index, part in enumerate(parts))


def fit(text: str, limit: int, form: Callable[[str], str]) -> str:
    """The longest beginning whose form is within the limit, an ellipsis at its end where something is left out."""
    if len(form(text)) <= limit:
        return text
    low, high = 0, min(len(text), limit)
    while low < high:
        middle = (low + high + 1) // 2
        if len(form(text[:middle].rstrip() + "…")) <= limit:
            low = middle
        else:
            high = middle - 1
    return text[:low].rstrip() + "…"


def render(plugin: NotifyBase, notice: Notice) -> Rendered:
    """What the plugin is given as plain text, so that the service shows title and text literally."""
    kind, title_limit, text_limit = kind_of(plugin), plugin.title_maxlen, plugin.body_maxlen
    if kind in _LIMITS:
        title_limit, text_limit = _LIMITS[kind]
    title, text = one_line(notice.title), clean(notice.text)[:_LONGEST]
    text = text or title
    if kind == "pagerduty":
        return Rendered("", fit(title or one_line(text), text_limit, str))  # the headline; the text is in its details
    if kind not in _DATA and "dedup" not in plugin.template_args:
        title, text = without_mentions(title), without_mentions(text)
    target = plugin.resolve_format(NotifyFormat.TEXT)
    escapes = kind in _ALWAYS_MARKDOWN and target == NotifyFormat.TEXT
    ours = escape_markdown if escapes else str
    title_form = escape_markdown if escapes or (kind in _MARKDOWN_TITLES and title_limit > 0) else str

    def sent(text: str) -> str:
        """What Apprise makes of it, at its longest: that has to fit, before and after the service's own dialect."""
        converted = str(convert_between(NotifyFormat.TEXT, target, text))
        return max(converted, str(plugin.dialect_convert(converted, target)), key=len)

    if title_limit <= 0:  # Apprise puts it in front of the text, in the text's form
        title_limit = text_limit // 4
    title = fit(title, title_limit, lambda part: sent(title_form(part)))
    room = text_limit - len(sent(title_form(title))) - _BETWEEN
    return Rendered(title_form(title), ours(fit(text, room, lambda part: sent(ours(part)))))


def _escape(text: str) -> str:
    return _MARKUP.sub(_escaped, text)


def _escaped(found: re.Match[str]) -> str:
    if found["number"]:  # it would begin a list: the mark goes before what follows it
        return found[0] + "\\"
    if found["mark"]:
        return f"{found['bullet']}\\{found['mark']}"
    return "\\" + found[0]
