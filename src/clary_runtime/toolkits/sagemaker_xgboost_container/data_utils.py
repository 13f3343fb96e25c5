"""Channels as matrices."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from clary_runtime.algorithms.xgboost import datasets


def get_dmatrix(data_path: str, content_type: str, csv_weights: int = 0, is_pipe: bool = False) -> Any:  # noqa: FBT001, FBT002 - AWS's signature
    """Return all rows of a folder as an `xgboost.DMatrix`, or None where there is no such folder."""
    folder = Path(data_path)
    if not folder.exists():
        return None
    threads = int(os.environ.get("SM_NUM_CPUS") or 1)
    config = {"ContentType": content_type}
    return datasets.matrix(datasets.source(folder.name, folder, config, weighted=csv_weights == 1, threads=threads))
