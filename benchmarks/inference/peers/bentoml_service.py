"""The model behind BentoML; with PEER_BATCH_ROWS rows are predicted together."""

from __future__ import annotations

import os

import bentoml
import numpy as np
import trees

BATCH_ROWS = int(os.environ.get("PEER_BATCH_ROWS", "1"))
BATCH_LATENCY_MS = 1_000  # within which BentoML finds by itself how long a batch may wait


@bentoml.service(name="trees", workers=1, logging={"access": {"enabled": False}})
class Trees:
    """A row of numbers in, a probability out."""

    def __init__(self) -> None:
        """Load the model."""
        self.predict_rows = trees.loaded()

    if BATCH_ROWS > 1:

        @bentoml.api(batchable=True, max_batch_size=BATCH_ROWS, max_latency_ms=BATCH_LATENCY_MS)
        def predict(self, rows: list[list[float]]) -> list[float]:
            """Return a probability for each row."""
            return self.predict_rows(np.array(rows, np.float32)).tolist()

    else:

        @bentoml.api
        def predict(self, row: list[float]) -> float:
            """Return a probability."""
            return float(self.predict_rows(np.array(row, np.float32).reshape(1, -1))[0])
