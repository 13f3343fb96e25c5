"""What happens after each boosting round: a line of metrics, a checkpoint, a look at whether to stop.

Metric lines have AWS's form, `[3]#011train-rmse:0.23451#011validation-rmse:0.25012`, since metric regexes expect it.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import xgboost
from xgboost.callback import TrainingCallback

CHECKPOINT = "xgboost-checkpoint"
CHECKPOINTS_KEPT_MAX = 5

Logs = Mapping[str, Mapping[str, list[Any]]]


class MetricLines(TrainingCallback):  # type: ignore[misc]  # XGBoost is untyped here
    """Prints one line of metrics a round; `first` is the number of the first round of this run."""

    def __init__(self, first: int) -> None:
        self._first = first

    def after_iteration(self, model: Any, epoch: int, evals_log: Any) -> bool:
        """Print the round's line; never stops the training."""
        logs: Logs = evals_log
        values = "".join(
            f"#011{data}-{name}:{_latest(series):.5f}"
            for data, metrics in logs.items()
            for name, series in metrics.items()
        )
        sys.stdout.write(f"[{self._first + epoch}]{values}\n")
        return False


def _latest(series: list[Any]) -> float:
    last = series[-1]
    return float(last[0] if isinstance(last, tuple) else last)


class Checkpoints(TrainingCallback):  # type: ignore[misc]  # XGBoost is untyped here
    """Saves the model after each round and keeps the newest few."""

    def __init__(self, folder: Path, first: int) -> None:
        self._folder = folder
        self._first = first

    def after_iteration(self, model: Any, epoch: int, evals_log: Any) -> bool:
        """Save this round's model; never stops the training."""
        number = self._first + epoch
        save(model, self._folder / f"{CHECKPOINT}.{number}")
        (self._folder / f"{CHECKPOINT}.{number - CHECKPOINTS_KEPT_MAX}").unlink(missing_ok=True)
        return False


class Termination(TrainingCallback):  # type: ignore[misc]  # XGBoost is untyped here
    """Ends the training after the running round once SIGTERM came."""

    def __init__(self) -> None:
        self.asked = False

    def listen(self) -> None:
        """Take SIGTERM from now on (main thread only)."""
        signal.signal(signal.SIGTERM, self._ask)

    def after_iteration(self, model: Any, epoch: int, evals_log: Any) -> bool:
        """Return True, which stops the training, once asked."""
        return self.asked

    def _ask(self, signum: int, frame: object) -> None:
        self.asked = True


def save(model: xgboost.Booster, path: Path) -> None:
    """Write a model (the library's UBJ format) so that no reader ever sees half of it."""
    partial = path.with_name(f".{path.name}.partial")
    partial.write_bytes(model.save_raw("ubj"))
    os.replace(partial, path)


def newest_checkpoint(folder: Path) -> tuple[Path, int] | None:
    """Return the last round's checkpoint and that round's number."""
    numbered = {path: path.name.rpartition(".")[2] for path in folder.glob(f"{CHECKPOINT}.*")}
    found = [(int(number), path) for path, number in numbered.items() if number.isdigit()]
    if not found:
        return None
    number, path = max(found)
    return path, number
