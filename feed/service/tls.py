"""TLS of the server: a certificate of its owner, or one that it signs itself for pages that are https."""

from __future__ import annotations

import os
import ssl
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING

from feed.errors import UsageError

if TYPE_CHECKING:
    from cryptography import x509

    from feed.service.settings import ServeSettings

__all__ = ["server_context", "trust_hint"]

LIFE = timedelta(days=365)
"""Life of a self-signed certificate; browsers refuse those that live much longer."""

NAMES = ("localhost", "127.0.0.1", "::1")
"""Names and addresses that a self-signed certificate is for, besides the one that the server is bound to."""


def server_context(settings: ServeSettings) -> ssl.SSLContext | None:
    """Return what the server speaks TLS with; None where it speaks plain text.

    Raises:
        UsageError: the certificate or the key can't be read, or they do not belong together.
    """
    if settings.tls == "self-signed":
        if settings.tls_cert is not None or settings.tls_key is not None:
            raise UsageError("--tls self-signed makes a certificate of its own: leave out --tls-cert and --tls-key")
        cert = key = _self_signed(settings.host)
    elif settings.tls_cert is None:
        if settings.tls_key is not None:
            raise UsageError("--tls-key needs --tls-cert")
        return None
    else:
        cert, key = settings.tls_cert, settings.tls_key or settings.tls_cert
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    try:
        context.load_cert_chain(cert, key)
    except FileNotFoundError:
        missing = cert if not cert.exists() else key
        raise UsageError(f"there is no file {missing}; give --tls-cert and --tls-key as PEM files") from None
    except (OSError, ssl.SSLError) as error:
        reason = getattr(error, "reason", None) or error.strerror or str(error)
        raise UsageError(f"{cert} and {key} are no certificate and its key in PEM: {reason}") from None
    return context


def trust_hint(settings: ServeSettings) -> str | None:
    """Return how clients come to trust the certificate; None where that is its owner's business."""
    if settings.tls != "self-signed":
        return None
    file = _place()
    return (
        f"browsers trust it after a click on its page, or once {file} is imported as an authority; "
        f"Node.js: NODE_EXTRA_CA_CERTS={file}; Python: ssl.create_default_context(cafile={str(file)!r})"
    )


def _place() -> Path:
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return cache / "feed" / "self-signed.pem"


def _self_signed(host: str) -> Path:
    """Return the file of a self-signed certificate and its key; one that still fits is kept, so that trust lasts."""
    try:
        from cryptography import x509
    except ImportError:
        needed = "--tls self-signed needs the package cryptography"
        raise UsageError(f"{needed}: uv run --extra tls feed serve …, or pip install 'feed[tls]'") from None
    file, names = _place(), (*NAMES, *({host} - {"0.0.0.0", "::", ""} - set(NAMES)))
    if file.exists():
        try:
            present = x509.load_pem_x509_certificate(file.read_bytes())
            if _fits(present, names):
                return file
        except ValueError:
            pass
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        content = _made(names)
        # Nobody else may read the key, not even for a moment.
        with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as opened:
            opened.write(content)
    except OSError as error:
        raise UsageError(f"the certificate cannot be written to {file}: {error.strerror or error}") from None
    return file


def _fits(certificate: object, names: tuple[str, ...]) -> bool:
    from cryptography import x509

    assert isinstance(certificate, x509.Certificate)
    alternatives = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    known = {str(each.value) for each in alternatives}
    return set(names) <= known and certificate.not_valid_after_utc > datetime.now(UTC) + timedelta(days=7)


def _made(names: tuple[str, ...]) -> bytes:
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import NameOID

    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "feed, self-signed")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + LIFE)
        .add_extension(x509.SubjectAlternativeName([_general_name(name) for name in names]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return certificate.public_bytes(serialization.Encoding.PEM) + private


def _general_name(name: str) -> x509.GeneralName:
    from cryptography import x509

    try:
        return x509.IPAddress(ip_address(name))
    except ValueError:
        return x509.DNSName(name)
