"""The model behind LitServe; with PEER_BATCH_ROWS rows are predicted together.

python litserve_api.py PORT
"""

from __future__ import annotations

import os
import sys
from typing import Any

import litserve
import numpy as np
import trees

BATCH_ROWS = int(os.environ.get("PEER_BATCH_ROWS", "1"))
BATCH_WAIT_S = float(os.environ.get("PEER_BATCH_WAIT_S", "0"))


class Trees(litserve.LitAPI):
    """A row of numbers in, a probability out."""

    def setup(self, device: str) -> None:
        """Load the model, in the worker."""
        self.predict_rows = trees.loaded()

    def decode_request(self, request) -> trees.Floats:
        """Return the row of a JSON request, which is what LitServe takes where nothing is said about it."""
        return np.array(request["row"], np.float32)

    def predict(self, x: Any) -> Any:
        """Return a probability, of a batch one for each."""
        return self.predict_rows(x) if BATCH_ROWS > 1 else self.predict_rows(x.reshape(1, -1))[0]

    def encode_response(self, output: Any) -> dict[str, float]:
        """Return the answer."""
        return {"probability": float(output)}


if __name__ == "__main__":
    api = Trees(max_batch_size=BATCH_ROWS, batch_timeout=BATCH_WAIT_S)
    server = litserve.LitServer(api, accelerator="cpu", workers_per_device=1)
    server.run(host="127.0.0.1", port=int(sys.argv[1]), generate_client_file=False, log_level="warning")
