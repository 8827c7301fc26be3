"""Mail, by smtplib: a plain-text message that mail programs thread by incident.

Apprise reads the mailto:// URL. It does not say how far a delivery came, so the message is carried here.
"""

import contextlib
import smtplib
import socket
import ssl
from datetime import UTC, datetime
from email.message import EmailMessage
from email.policy import SMTP as SMTP_POLICY
from email.utils import format_datetime, formataddr
from typing import Any

from paramedic.model.deliveries import Delivery
from paramedic.notify.contract import Notice
from paramedic.notify.literal import clean, fit, one_line
from paramedic.notify.verdict import Quote
from paramedic.notify.wire import Wire

_SUBJECT, _TEXT = 200, 30_000
_PERMANENT = range(500, 600)
_GOODBYE_SECONDS = 1.0


class _Connection(smtplib.SMTP):
    """An SMTP connection through a Wire; with TLS from the first byte where ``tls`` is given."""

    def __init__(self, wire: Wire, host: str, port: int, timeout: float, tls: ssl.SSLContext | None) -> None:
        self._wire, self._tls = wire, tls
        # A name is given, or smtplib asks the DNS for one.
        super().__init__(host, port, local_hostname=socket.gethostname() or "localhost", timeout=timeout)

    def _get_socket(self, host: str, port: int, timeout: float) -> socket.socket:
        made = self._wire.create_connection(host, port, timeout=timeout)
        return self._tls.wrap_socket(made, server_hostname=host) if self._tls else made


def compose(plugin: Any, notice: Notice) -> EmailMessage:
    """The message. Raises ValueError for a header that cannot be written."""
    name, sender = plugin.from_addr
    domain = sender.rpartition("@")[2]
    root = f"<{notice.thread}.incident@{domain}>"
    message = EmailMessage(policy=SMTP_POLICY)
    message["From"] = formataddr((name or "paramedic", sender))
    message["To"] = ", ".join(formataddr((name or "", address)) for name, address in plugin.targets)
    if plugin.cc:
        message["Cc"] = ", ".join(sorted(plugin.cc))
    if plugin.reply_to:
        message["Reply-To"] = ", ".join(sorted(plugin.reply_to))
    message["Subject"] = fit(one_line(notice.title), _SUBJECT, str)
    message["Date"] = format_datetime(datetime.now(UTC))
    message["Message-ID"] = f"<{notice.key}@{domain}>"
    message["In-Reply-To"] = message["References"] = root
    message["Auto-Submitted"] = "auto-generated"
    message["X-Paramedic-Incident"] = one_line(notice.incident)
    for header, value in plugin.headers.items():
        message[header] = value
    message.set_content(fit(clean(notice.text), _TEXT, str) + "\n")
    return message


def send(wire: Wire, plugin: Any, notice: Notice, timeout: float, ca_file: str | None, quote: Quote) -> Delivery:
    """Sends it in one transaction. Blocks; network errors become the Delivery."""
    try:
        message = compose(plugin, notice)
    except ValueError:
        return Delivery("Failed", "Mail: a name or header in the channel's URL cannot be written in a mail", final=True)
    return _Transaction(wire, plugin, timeout, ca_file, quote).run(message)


class _Transaction:
    """One message to one server."""

    def __init__(self, wire: Wire, plugin: Any, timeout: float, ca_file: str | None, quote: Quote) -> None:
        self._wire, self._plugin, self._timeout, self._ca_file, self._quote = wire, plugin, timeout, ca_file, quote
        self._where = f"{plugin.smtp_host}:{plugin.port}"

    def run(self, message: EmailMessage) -> Delivery:
        self._exchange = exchange = self._wire.begin(self._where, speaks_first=False)
        try:
            smtp = self._connect()
            try:
                return self._submit(smtp, message)
            finally:
                _say_goodbye(smtp)
        except smtplib.SMTPResponseException as error:
            return self._refused(error.smtp_code, error.smtp_error)
        except smtplib.SMTPNotSupportedError:
            return Delivery(
                "Failed", f"Mail: {self._where} does not offer what the URL asks for (STARTTLS or a login)", final=True
            )
        except ssl.SSLCertVerificationError as error:
            return Delivery(
                "Failed",
                f"Mail: cannot connect to {self._where}: its certificate was not accepted: {error.verify_message}",
            )
        except UnicodeError:
            return Delivery("Failed", "Mail: an address in the channel's URL is not ASCII", final=True)
        except (OSError, smtplib.SMTPException) as error:
            why = exchange.error or self._reason(error)
            if exchange.forbidden:
                return Delivery("Failed", f"Mail: {self._where} is refused: {why}", final=True)
            if exchange.exposed:
                return Delivery("Unknown", f"Mail: no answer from {self._where} ({why}); the message may have arrived")
            doing = "talk" if exchange.connected else "connect"
            return Delivery("Failed", f"Mail: cannot {doing} to {self._where}: {why}")

    def _connect(self) -> smtplib.SMTP:
        plugin = self._plugin
        context = ssl.create_default_context(cafile=self._ca_file)
        if not plugin.verify_certificate:
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        tls = context if plugin.secure_mode == "ssl" else None
        smtp = _Connection(self._wire, plugin.smtp_host, plugin.port, self._timeout, tls)
        try:
            if plugin.secure_mode == "starttls":
                smtp.starttls(context=context)
            if plugin.user and plugin.password:
                smtp.login(plugin.user, plugin.password)
        except BaseException:
            smtp.close()
            raise
        return smtp

    def _submit(self, smtp: smtplib.SMTP, message: EmailMessage) -> Delivery:
        plugin = self._plugin
        smtp.ehlo_or_helo_if_needed()
        self._expect(smtp.mail(plugin.from_addr[1]), 250)
        addresses = dict.fromkeys([address for _, address in plugin.targets] + sorted(plugin.cc | plugin.bcc))
        answers = [smtp.rcpt(address) for address in addresses]
        refusals = [answer for answer in answers if answer[0] not in (250, 251)]
        if len(refusals) == len(answers):
            self._expect(refusals[0], 250)
        self._exchange.exposed = True
        self._expect(smtp.data(message.as_bytes()), 250)
        if refusals:
            code, said = refusals[0]
            some = f"{len(refusals)} of {len(answers)} recipients were refused ({code}: {self._said(said)})"
            return Delivery("Sent", f"Mail: {self._where} accepted it; {some}")
        return Delivery("Sent", f"Mail: {self._where} accepted it")

    def _expect(self, answer: tuple[int, bytes], code: int) -> None:
        if answer[0] != code:
            raise smtplib.SMTPResponseException(*answer)

    def _refused(self, code: int, said: bytes | str) -> Delivery:
        text = f"Mail: {self._where} answered {code}: {self._said(said)}"
        if code in _PERMANENT:
            return Delivery("Failed", f"{text}; check the channel's URL", final=True)
        return Delivery("Failed", text)

    def _reason(self, error: Exception) -> str:
        if isinstance(error, smtplib.SMTPServerDisconnected):
            return "the connection was closed"
        return getattr(error, "strerror", None) or self._quote(str(error))

    def _said(self, said: bytes | str) -> str:
        return self._quote(said.decode("utf-8", "replace") if isinstance(said, bytes) else said)


def _say_goodbye(smtp: smtplib.SMTP) -> None:
    """Politely, but what became of the message is known, and does not depend on it."""
    if smtp.sock:
        smtp.sock.settimeout(_GOODBYE_SECONDS)
    with contextlib.suppress(OSError, smtplib.SMTPException):
        smtp.quit()
    smtp.close()
