"""Where things lie under `/opt/ml`, by AWS's contract between the platform and a container.

Source: «How Amazon SageMaker Processes Training Input / Training Output», SageMaker developer guide.
The root can be moved (`CLARY_OPT_ML`), so that everything also runs outside a sandbox.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

OPT_ML = "/opt/ml"


@dataclass(frozen=True)
class Layout:
    """Paths of one container, and the configuration the platform left there."""

    root: Path

    @classmethod
    def of(cls, environ: Mapping[str, str]) -> Layout:
        """Return the layout this process was told to use."""
        return cls(Path(environ.get("CLARY_OPT_ML", OPT_ML)))

    @property
    def input(self) -> Path:
        """`/opt/ml/input`: configuration and data of a job."""
        return self.root / "input"

    @property
    def config(self) -> Path:
        """`/opt/ml/input/config`: the three JSON files of a job."""
        return self.input / "config"

    @property
    def model(self) -> Path:
        """`/opt/ml/model`: what a job leaves, and what an endpoint finds."""
        return self.root / "model"

    @property
    def output(self) -> Path:
        """`/opt/ml/output`: the failure file and `data/`."""
        return self.root / "output"

    @property
    def code(self) -> Path:
        """`/opt/ml/code`: the customer's source, unpacked."""
        return self.root / "code"

    def channel(self, name: str) -> Path:
        """Return the folder of one input channel."""
        return self.input / "data" / name

    def located(self, path: str) -> Path:
        """Return a path as AWS writes it (`/opt/ml/…`), under this root."""
        inside = Path(path).is_relative_to(OPT_ML)
        return self.root / Path(path).relative_to(OPT_ML) if inside else Path(path)

    def hyperparameters(self) -> dict[str, str]:
        """Return the job's hyperparameters, strings as the API carries them."""
        return self._read("hyperparameters")

    def channels(self) -> dict[str, dict[str, Any]]:
        """Each input channel's configuration (`ContentType`, `TrainingInputMode`, …) by name."""
        return self._read("inputdataconfig")

    def resources(self) -> dict[str, Any]:
        """Hosts, this host's name, instance type, network interface."""
        return self._read("resourceconfig")

    def checkpoints(self) -> Path | None:
        """Where checkpoints go, or None for a job without them."""
        configured = self._read("checkpointconfig").get("LocalPath")
        folder = self.located(configured) if configured else self.root / "checkpoints"
        return folder if configured or folder.is_dir() else None

    def fail(self, text: str) -> None:
        """Leave the reason of a failure where the platform looks for it."""
        self.output.mkdir(parents=True, exist_ok=True)
        (self.output / "failure").write_text(text, encoding="utf-8")

    def _read(self, name: str) -> dict[str, Any]:
        path = self.config / f"{name}.json"
        if not path.exists():
            return {}
        found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        return found
