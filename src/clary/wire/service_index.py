"""All services that botocore knows, by signing name and by target prefix, without loading their models."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

SOURCE = Path(__file__).with_name("service_index.json")


@dataclass(frozen=True, slots=True)
class ServiceIndex:
    """Which service models a request may mean."""

    by_signing: dict[str, list[str]]
    by_target: dict[str, str]

    @classmethod
    def read(cls) -> ServiceIndex:
        """Return the index that `tools/service_index.py` wrote from botocore."""
        by_signing: dict[str, list[str]] = {}
        by_target: dict[str, str] = {}
        for name, entry in json.loads(SOURCE.read_text()).items():
            by_signing.setdefault(entry["signing"], []).append(name)
            if entry["target"]:
                by_target.setdefault(entry["target"], name)
        return cls(by_signing, by_target)
