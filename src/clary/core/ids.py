"""Names of things: ARNs, AWS-style identifiers, and identifiers of our own."""

from __future__ import annotations

import secrets
import string
from dataclasses import dataclass

PARTITION = "aws"
AWS_ALPHABET = string.ascii_uppercase + "234567"
UID_BYTES = 8


def uid() -> str:
    """Return a new identifier: 16 hexadecimal digits, never used twice."""
    return secrets.token_hex(UID_BYTES)


def account_id() -> str:
    """Return a new twelve-digit account number that does not start with 0."""
    return str(secrets.choice(range(10**11, 10**12)))


def aws_id(prefix: str, length: int = 21) -> str:
    """Return an identifier such as AKIA… or AROA…, `length` characters in all."""
    return prefix + "".join(secrets.choice(AWS_ALPHABET) for _ in range(length - len(prefix)))


def arn(service: str, region: str, account: str, resource: str) -> str:
    """Return the ARN of a resource."""
    return f"arn:{PARTITION}:{service}:{region}:{account}:{resource}"


@dataclass(frozen=True, slots=True)
class Arn:
    """The six parts of an ARN."""

    partition: str
    service: str
    region: str
    account: str
    resource: str

    @classmethod
    def parse(cls, text: str) -> Arn | None:
        """Return the parts, or None when the text is no ARN."""
        parts = text.split(":", 5)
        if len(parts) != 6 or parts[0] != "arn":
            return None
        return cls(*parts[1:])

    def __str__(self) -> str:
        return f"arn:{self.partition}:{self.service}:{self.region}:{self.account}:{self.resource}"
