"""The data of the example scripts: two clouds of points, easily told apart, as CSV with the label first."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np


def make(rows: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return (rows, 4) features and (rows,) labels of 0 and 1."""
    random = np.random.default_rng(seed)
    labels = random.integers(0, 2, rows)
    return random.normal(labels[:, None] * 3.0, 1.0, (rows, 4)), labels


def as_csv(features: np.ndarray) -> str:
    return "\n".join(",".join(f"{value:.6f}" for value in row) for row in features)


def write(name: str, rows: int, seed: int) -> str:
    """Write a file of labelled rows into a folder of its own; the path is the answer."""
    features, labels = make(rows, seed)
    path = Path(tempfile.mkdtemp()) / name
    path.write_text(as_csv(np.column_stack([labels, features])) + "\n")
    return str(path)
