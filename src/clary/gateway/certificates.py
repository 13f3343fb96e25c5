"""The certificate that clients are shown: one that the operator names, or one that Clary makes under its home.

What Clary makes is signed by an authority of its own whose key is thrown away at once: who trusts `tls/ca.pem` trusts
this one certificate, and nobody can ever sign another with it.
"""

from __future__ import annotations

import ipaddress
import os
from datetime import datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from clary.core.errors import SettingsError
from clary.core.settings import Settings
from clary.gateway.tls import server_context

VALID_DAYS = 825
RENEWED_DAYS = 30
"""So long before its end a certificate is made anew, at the next start."""
NAMES = ("localhost", "127.0.0.1", "::1")

Key = ec.EllipticCurvePrivateKey


def prepare(settings: Settings, now: datetime) -> None:
    """Make the certificate if Clary is to and has none that fits; raise SettingsError if TLS cannot be answered."""
    if settings.tls_files is None:
        return
    certificate, key = settings.tls_files
    if settings.ca_bundle is not None:
        names = tuple(dict.fromkeys((*NAMES, settings.host)))
        if not _fits(settings.ca_bundle, certificate, names, now):
            _make(settings.ca_bundle, certificate, names, now)
    try:
        server_context(certificate, key)
    except OSError as error:
        raise SettingsError(f"tls_cert: {certificate} with the key {key} cannot be used: {error}.") from error


def _fits(authority: Path, certificate: Path, names: tuple[str, ...], now: datetime) -> bool:
    """Say whether a certificate that was made is there, whole, for these names, and lasts."""
    try:
        issuer = x509.load_pem_x509_certificate(authority.read_bytes())
        made = x509.load_pem_x509_certificate(certificate.read_bytes())
        made.verify_directly_issued_by(issuer)
        told = made.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (OSError, ValueError, TypeError, InvalidSignature, x509.ExtensionNotFound):
        return False
    return set(map(_name, names)) <= set(told) and made.not_valid_after_utc > now + timedelta(days=RENEWED_DAYS)


def _make(authority: Path, certificate: Path, names: tuple[str, ...], now: datetime) -> None:
    """Write an authority, for all to read, and what it signed with its key, for the owner alone."""
    ca_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    issuer = _titled(f"Clary on {os.uname().nodename}"[:64])
    ca = _begun(issuer, issuer, ca_key, now)
    ca = ca.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
    ca = ca.add_extension(_usage(signs_certificates=True), critical=True)
    leaf = _begun(_titled(names[0]), issuer, key, now)
    leaf = leaf.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
    leaf = leaf.add_extension(_usage(signs_certificates=False), critical=True)
    leaf = leaf.add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
    leaf = leaf.add_extension(x509.SubjectAlternativeName(list(map(_name, names))), critical=False)
    identifier = x509.SubjectKeyIdentifier.from_public_key(ca_key.public_key())
    ca = ca.add_extension(identifier, critical=False)
    above = x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(identifier)
    leaf = leaf.add_extension(above, critical=False)
    authority.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
    _write(certificate, _private(key) + _signed(leaf, ca_key), 0o600)
    _write(authority, _signed(ca, ca_key), 0o644)


def _begun(subject: x509.Name, issuer: x509.Name, key: Key, now: datetime) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=VALID_DAYS))
    )


def _titled(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _name(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _signed(certificate: x509.CertificateBuilder, key: Key) -> bytes:
    return certificate.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


def _private(key: Key) -> bytes:
    encoding, form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    return key.private_bytes(encoding, form, serialization.NoEncryption())


def _write(path: Path, content: bytes, mode: int) -> None:
    """Replace a file as a whole; it is never readable by more than it is to be."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode), "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    os.chmod(draft, mode)  # whatever the umask
    os.replace(draft, path)
