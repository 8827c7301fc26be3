"""The cluster's certificates, made by the openssl command."""

from __future__ import annotations

import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from .errors import LocalkindError

DAYS = "3650"
# Own settings, for the machine's openssl.cnf may be missing or say anything. Key identifiers and key usage are what
# Python 3.13 and later insist on (VERIFY_X509_STRICT).
SETTINGS = """[req]
distinguished_name = name
[name]
[authority]
basicConstraints = critical, CA:TRUE
keyUsage = critical, digitalSignature, keyCertSign, cRLSign
subjectKeyIdentifier = hash
[issued]
basicConstraints = critical, CA:FALSE
keyUsage = critical, digitalSignature
extendedKeyUsage = serverAuth, clientAuth
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
"""
CURVE = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256")


@dataclass(frozen=True)
class Pair:
    """A certificate and its key, as files."""

    certificate: Path
    key: Path


class Authority:
    """The certificate authority of one cluster, in one folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.certificate = folder / "ca.crt"
        self.key = folder / "ca.key"

    @classmethod
    def create(cls, folder: Path) -> Authority:
        """Makes a new authority, and the key pair that signs ServiceAccount tokens."""
        folder.mkdir(mode=0o700, exist_ok=True)
        authority = cls(folder)
        (folder / "openssl.cnf").write_text(SETTINGS)
        authority._openssl(
            "req", "-x509", *CURVE, "-nodes", "-keyout", "ca.key", "-out", "ca.crt", "-days", DAYS,
            "-config", "openssl.cnf", "-extensions", "authority", "-subj", "/CN=localkind-ca",
        )  # fmt: skip
        authority._openssl("genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", "sa.key")
        authority._openssl("pkey", "-in", "sa.key", "-pubout", "-out", "sa.pub")
        return authority

    def issue(self, name: str, subject: str, alternative_names: Iterable[str] = ()) -> Pair:
        """A certificate for `subject` ("/O=group/CN=user"); names such as "DNS:localhost" or "IP:127.0.0.1"."""
        self._openssl(
            "req", "-new", *CURVE, "-nodes", "-keyout", f"{name}.key", "-out", f"{name}.csr",
            "-config", "openssl.cnf", "-subj", subject,
        )  # fmt: skip
        names = ",".join(alternative_names)
        extensions = self.folder / f"{name}.ext"
        extensions.write_text(SETTINGS + (f"subjectAltName = {names}\n" if names else ""))
        self._openssl(
            "x509", "-req", "-in", f"{name}.csr", "-CA", "ca.crt", "-CAkey", "ca.key", "-CAcreateserial",
            "-out", f"{name}.crt", "-days", DAYS, "-extfile", extensions.name, "-extensions", "issued",
        )  # fmt: skip
        for leftover in (extensions, self.folder / f"{name}.csr"):
            leftover.unlink()
        return self.pair(name)

    def pair(self, name: str) -> Pair:
        """The certificate issued under that name."""
        return Pair(self.folder / f"{name}.crt", self.folder / f"{name}.key")

    def _openssl(self, *arguments: str) -> None:
        done = subprocess.run(["openssl", *arguments], cwd=self.folder, capture_output=True, text=True)
        if done.returncode != 0:
            raise LocalkindError(f"openssl {arguments[0]} failed: {done.stderr.strip()}")
