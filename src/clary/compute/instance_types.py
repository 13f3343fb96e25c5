"""The ml.* instance types: vCPUs, memory and GPUs of each, as AWS lists them (Amazon SageMaker pricing, EC2 types).

A family's sizes follow one rule each, so that the table holds families; the exceptions stand beside it. These are
facts of AWS; what a machine really gives is for `admission` to say.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

GIB: Final = 2**30
XLARGE_VCPUS: Final = 4

# family: (GiB of memory a vCPU, sizes)
FAMILIES: Final[Mapping[str, tuple[float, str]]] = {
    "m4": (4, "xlarge 2xlarge 4xlarge 10xlarge 16xlarge"),
    "m5": (4, "large xlarge 2xlarge 4xlarge 8xlarge 12xlarge 16xlarge 24xlarge"),
    "m5d": (4, "large xlarge 2xlarge 4xlarge 8xlarge 12xlarge 16xlarge 24xlarge"),
    "m6i": (4, "large xlarge 2xlarge 4xlarge 8xlarge 12xlarge 16xlarge 24xlarge 32xlarge"),
    "m6id": (4, "large xlarge 2xlarge 4xlarge 8xlarge 12xlarge 16xlarge 24xlarge 32xlarge"),
    "m6g": (4, "large xlarge 2xlarge 4xlarge 8xlarge 12xlarge 16xlarge"),
    "m6gd": (4, "large xlarge 2xlarge 4xlarge 8xlarge 12xlarge 16xlarge"),
    "m7i": (4, "large xlarge 2xlarge 4xlarge 8xlarge 12xlarge 16xlarge 24xlarge 48xlarge"),
    "m7g": (4, "large xlarge 2xlarge 4xlarge 8xlarge 12xlarge 16xlarge"),
    "c4": (1.875, "large xlarge 2xlarge 4xlarge 8xlarge"),
    "c5": (2, "large xlarge 2xlarge 4xlarge 9xlarge 12xlarge 18xlarge 24xlarge"),
    "c5d": (2, "large xlarge 2xlarge 4xlarge 9xlarge 18xlarge"),
    "c5n": (2.625, "xlarge 2xlarge 4xlarge 9xlarge 18xlarge"),
    "c6i": (2, "large xlarge 2xlarge 4xlarge 8xlarge 12xlarge 16xlarge 24xlarge 32xlarge"),
    "c6id": (2, "large xlarge 2xlarge 4xlarge 8xlarge 12xlarge 16xlarge 24xlarge 32xlarge"),
    "c6g": (2, "large xlarge 2xlarge 4xlarge 8xlarge 12xlarge 16xlarge"),
    "c6gd": (2, "large xlarge 2xlarge 4xlarge 8xlarge 12xlarge 16xlarge"),
    "c6gn": (2, "large xlarge 2xlarge 4xlarge 8xlarge 12xlarge 16xlarge"),
    "c7i": (2, "large xlarge 2xlarge 4xlarge 8xlarge 12xlarge 16xlarge 24xlarge 48xlarge"),
    "c7g": (2, "large xlarge 2xlarge 4xlarge 8xlarge 12xlarge 16xlarge"),
    "r5": (8, "large xlarge 2xlarge 4xlarge 8xlarge 12xlarge 16xlarge 24xlarge"),
    "r5d": (8, "large xlarge 2xlarge 4xlarge 8xlarge 12xlarge 16xlarge 24xlarge"),
    "r6i": (8, "large xlarge 2xlarge 4xlarge 8xlarge 12xlarge 16xlarge 24xlarge 32xlarge"),
    "r6id": (8, "large xlarge 2xlarge 4xlarge 8xlarge 12xlarge 16xlarge 24xlarge 32xlarge"),
    "r6g": (8, "large xlarge 2xlarge 4xlarge 8xlarge 12xlarge 16xlarge"),
    "r6gd": (8, "large xlarge 2xlarge 4xlarge 8xlarge 12xlarge 16xlarge"),
    "r7i": (8, "large xlarge 2xlarge 4xlarge 8xlarge 12xlarge 16xlarge 24xlarge 48xlarge"),
    "r7g": (8, "large xlarge 2xlarge 4xlarge 8xlarge 12xlarge 16xlarge"),
}

# type: (vCPUs, GiB of memory, GPUs), where no family's rule holds
OTHERS: Final[Mapping[str, tuple[int, float, int]]] = {
    "t2.medium": (2, 4, 0), "t2.large": (2, 8, 0), "t2.xlarge": (4, 16, 0), "t2.2xlarge": (8, 32, 0),
    "t3.medium": (2, 4, 0), "t3.large": (2, 8, 0), "t3.xlarge": (4, 16, 0), "t3.2xlarge": (8, 32, 0),
    "m4.10xlarge": (40, 160, 0), "m4.16xlarge": (64, 256, 0), "c4.8xlarge": (36, 60, 0),
    "p2.xlarge": (4, 61, 1), "p2.8xlarge": (32, 488, 8), "p2.16xlarge": (64, 732, 16),
    "p3.2xlarge": (8, 61, 1), "p3.8xlarge": (32, 244, 4), "p3.16xlarge": (64, 488, 8), "p3dn.24xlarge": (96, 768, 8),
    "p4d.24xlarge": (96, 1152, 8), "p4de.24xlarge": (96, 1152, 8),
    "p5.4xlarge": (16, 256, 1), "p5.48xlarge": (192, 2048, 8), "p5e.48xlarge": (192, 2048, 8),
    "p5en.48xlarge": (192, 2048, 8), "p6-b200.48xlarge": (192, 2048, 8),
    "g4dn.xlarge": (4, 16, 1), "g4dn.2xlarge": (8, 32, 1), "g4dn.4xlarge": (16, 64, 1), "g4dn.8xlarge": (32, 128, 1),
    "g4dn.12xlarge": (48, 192, 4), "g4dn.16xlarge": (64, 256, 1),
    "g5.xlarge": (4, 16, 1), "g5.2xlarge": (8, 32, 1), "g5.4xlarge": (16, 64, 1), "g5.8xlarge": (32, 128, 1),
    "g5.12xlarge": (48, 192, 4), "g5.16xlarge": (64, 256, 1), "g5.24xlarge": (96, 384, 4), "g5.48xlarge": (192, 768, 8),
    "g6.xlarge": (4, 16, 1), "g6.2xlarge": (8, 32, 1), "g6.4xlarge": (16, 64, 1), "g6.8xlarge": (32, 128, 1),
    "g6.12xlarge": (48, 192, 4), "g6.16xlarge": (64, 256, 1), "g6.24xlarge": (96, 384, 4), "g6.48xlarge": (192, 768, 8),
    "g6e.xlarge": (4, 32, 1), "g6e.2xlarge": (8, 64, 1), "g6e.4xlarge": (16, 128, 1), "g6e.8xlarge": (32, 256, 1),
    "g6e.12xlarge": (48, 384, 4), "g6e.16xlarge": (64, 512, 1), "g6e.24xlarge": (96, 768, 4),
    "g6e.48xlarge": (192, 1536, 8),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class InstanceType:
    """One of AWS's instance types."""

    name: str
    vcpus: int
    memory_bytes: int
    gpus: int


def find(name: str) -> InstanceType | None:
    """Return the type of a name such as ml.m5.xlarge, or None if there is none."""
    prefix, _, bare = name.partition(".")
    family, _, size = bare.partition(".")
    if prefix != "ml":
        return None
    if bare in OTHERS:
        vcpus, gib, gpus = OTHERS[bare]
        return InstanceType(name, vcpus, int(gib * GIB), gpus)
    if family not in FAMILIES or size not in FAMILIES[family][1].split():
        return None
    vcpus = _vcpus(size)
    return InstanceType(name, vcpus, int(vcpus * FAMILIES[family][0] * GIB), 0)


def _vcpus(size: str) -> int:
    if size == "large":
        return XLARGE_VCPUS // 2
    return XLARGE_VCPUS * int(size.removesuffix("xlarge") or 1)


def names() -> list[str]:
    """Return the names of all types, sorted."""
    regular = {f"ml.{family}.{size}" for family, (_, sizes) in FAMILIES.items() for size in sizes.split()}
    return sorted(regular | {f"ml.{name}" for name in OTHERS})
