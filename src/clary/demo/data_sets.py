"""The data: two real sets that ship inside scikit-learn, each split into rows to learn from and rows held out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn import datasets

SEED = 7
HELD_OUT = 150
CSV_FORMAT = "%.9g"


@dataclass(frozen=True, slots=True)
class DataSet:
    """Rows (n × features) and their labels (n), shuffled; what is held out is in no file that a job sees."""

    name: str
    rows: Any
    labels: Any
    held_out_rows: Any
    held_out_labels: Any

    @property
    def csv(self) -> bytes:
        """What a job learns from: a label and its features a line, no header, as built-in algorithms want it."""
        lines = (f"{label:d},{csv_line(row)}" for label, row in zip(self.labels, self.rows, strict=True))
        return "".join(f"{line}\n" for line in lines).encode()


def csv_line(row: Any) -> str:
    """Return a row as a request's body has it."""
    return ",".join(CSV_FORMAT % value for value in row)


def breast_cancer() -> DataSet:
    """Return 569 tumours: 30 measures each, benign or malignant."""
    return _split("breast cancer", datasets.load_breast_cancer())


def digits() -> DataSet:
    """Return 1,797 handwritten digits of 8 × 8 pixels."""
    return _split("digits", datasets.load_digits())


def _split(name: str, found: Any) -> DataSet:
    order = np.random.default_rng(SEED).permutation(len(found.target))
    held_out, kept = order[:HELD_OUT], order[HELD_OUT:]
    return DataSet(name, found.data[kept], found.target[kept], found.data[held_out], found.target[held_out])
