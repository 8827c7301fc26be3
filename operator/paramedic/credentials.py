"""The receiver's credentials: tokens that senders show, and the certificate that it shows. Files are read again when
they change, as they do when a mounted Secret is rotated.
"""

import hashlib
import hmac
import logging
import ssl
from pathlib import Path

log = logging.getLogger(__name__)

_Signature = tuple[int, int, int, int]


class Unusable(Exception):
    """A file cannot be read or holds nothing that can be used. The text says what to do."""


def _signature(path: Path) -> _Signature:
    """Differs when the file was written or replaced; links are followed, since a Secret is changed by moving one."""
    found = path.stat()
    return found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns


class TokenFile:
    """Tokens, one a line; blank lines and lines that begin with # do not count. More than one lets senders change over
    one by one.
    """

    def __init__(self, path: str) -> None:
        """Raises Unusable."""
        self._path = Path(path)
        self._seen: _Signature | None = None
        self._digests: list[bytes] = []
        self._refresh()

    def accepts(self, token: str) -> bool:
        """Whether it is one of the tokens, in a time that does not tell how much of it is right. Raises Unusable."""
        self._refresh()
        given = _digest(token)
        found = False
        for digest in self._digests:
            found |= hmac.compare_digest(given, digest)
        return found

    def _refresh(self) -> None:
        try:
            seen = _signature(self._path)
            if seen == self._seen:
                return
            lines = [line.strip() for line in self._path.read_text().splitlines()]
        except (OSError, UnicodeError) as error:
            self._seen = None
            raise Unusable(f"the token file {self._path} cannot be read: {error}") from None
        tokens = [line for line in lines if line and not line.startswith("#")]
        if not tokens:
            self._seen = None
            raise Unusable(f"the token file {self._path} holds no token; write one a line")
        if self._seen is not None:
            log.info("the receiver's token file has changed; it holds %d now", len(tokens))
        self._seen, self._digests = seen, [_digest(token) for token in tokens]


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode(errors="surrogateescape")).digest()


class Certificate:
    """A certificate chain and its key (PEM). Each handshake uses the files as they are by then."""

    def __init__(self, cert: str, key: str) -> None:
        """Raises Unusable."""
        self._cert, self._key = Path(cert), Path(key)
        self._seen = self._signatures()
        self._current = self._load()
        # The callback runs at every handshake, whether or not the client names a server.
        self.context = self._load()
        self.context.sni_callback = self._choose

    def _choose(self, handshake: ssl.SSLObject, name: str | None, context: ssl.SSLContext) -> None:
        try:
            seen = self._signatures()
            if seen != self._seen:
                self._seen = seen  # once for each change: a broken pair is told once, and the last good one is kept
                self._current = self._load()
                log.info("the receiver's certificate has changed")
        except Unusable as error:
            log.error("%s; the one before stays in use", error)
        handshake.context = self._current

    def _signatures(self) -> tuple[_Signature, _Signature]:
        try:
            return _signature(self._cert), _signature(self._key)
        except OSError as error:
            raise Unusable(f"the receiver's certificate cannot be read: {error}") from None

    def _load(self) -> ssl.SSLContext:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        try:
            context.load_cert_chain(self._cert, self._key, password=_no_password)
        except (OSError, ValueError) as error:
            raise Unusable(
                f"{self._cert} and {self._key} are no certificate with its key in PEM, without a password: {error}"
            ) from None
        return context


def _no_password() -> str:
    # Without this, OpenSSL would ask on the terminal for the password of an encrypted key.
    return ""
