"""What signs the messages of topics, and the certificate by which their receivers can tell.

The pair is made at first use and kept; its key is sealed. SNS developer guide, «Verifying the signatures of
Amazon SNS messages».
"""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from clary.core.clock import Clock
from clary.store.sealing import Sealer, keep_first

KEY_BITS = 2048
EXPONENT = 65537
VALID_DAYS = 3650
CERTIFICATE_PREFIX = "SimpleNotificationService-"
SUBJECT = "sns.amazonaws.com"
PURPOSE = "sns signing key"
VERSIONS = ("1", "2")
"""SignatureVersion: RSA over SHA-1, which AWS defaults to, or over SHA-256."""


@dataclass(frozen=True)
class Notary:
    """Signs texts; reads and makes its files only when first asked."""

    path: Path
    sealer: Sealer
    clock: Clock

    @property
    def certificate(self) -> bytes:
        """The certificate, as PEM."""
        return self._pair[0]

    @cached_property
    def name(self) -> str:
        """What the certificate is called in addresses."""
        from cryptography import x509  # which costs every start a twentieth of a second, and few ever sign

        digest = x509.load_pem_x509_certificate(self.certificate).fingerprint(hashes.SHA256())
        return f"{CERTIFICATE_PREFIX}{digest.hex()[:32]}.pem"

    def sign(self, text: str, version: str) -> str:
        """Return the signature of a text in base64."""
        algorithm = hashes.SHA256() if version == VERSIONS[1] else hashes.SHA1()  # noqa: S303 - AWS's version 1
        return base64.b64encode(self._pair[1].sign(text.encode(), padding.PKCS1v15(), algorithm)).decode()

    @cached_property
    def _pair(self) -> tuple[bytes, rsa.RSAPrivateKey]:
        if not self.path.exists():
            keep_first(self.path, self._made())
        told = json.loads(self.path.read_bytes())
        opened = self.sealer.open(base64.b64decode(told["key"]), PURPOSE)
        key = serialization.load_der_private_key(opened, None)
        assert isinstance(key, rsa.RSAPrivateKey)
        return told["certificate"].encode(), key

    def _made(self) -> bytes:
        key = rsa.generate_private_key(EXPONENT, KEY_BITS)
        der = key.private_bytes(
            serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        certificate = _certificate(key, datetime.fromtimestamp(self.clock(), UTC))
        sealed = base64.b64encode(self.sealer.seal(der, PURPOSE)).decode()
        return json.dumps({"certificate": certificate.decode(), "key": sealed}).encode()


def _certificate(key: rsa.RSAPrivateKey, now: datetime) -> bytes:
    from cryptography import x509
    from cryptography.x509.oid import NameOID

    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, SUBJECT)])
    built = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=VALID_DAYS))
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
    )
    return built.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
