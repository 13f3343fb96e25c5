"""The model behind Ray Serve, on a Ray of its own.

python ray_deployment.py PORT FOLDER
"""

from __future__ import annotations

import signal
import sys
from pathlib import Path

import numpy as np
import ray
from ray import serve
from starlette.requests import Request

sys.path.insert(0, str(Path(__file__).parent))
CONCURRENT_MAX = 100


@serve.deployment(max_ongoing_requests=CONCURRENT_MAX)
class Trees:
    """A CSV row in, a probability out."""

    def __init__(self) -> None:
        """Load the model, in the replica."""
        import trees

        self.predict_rows = trees.loaded()

    async def __call__(self, request: Request) -> str:
        """Answer the prediction for one CSV row."""
        row = np.array((await request.body()).split(b","), np.float32).reshape(1, -1)
        return repr(float(self.predict_rows(row)[0]))


def main(port: int, folder: str) -> None:
    """Serve until told to end."""
    here = str(Path(__file__).parent)
    ray.init(num_cpus=2, include_dashboard=False, _temp_dir=folder, runtime_env={"env_vars": {"PYTHONPATH": here}})
    serve.start(http_options={"host": "127.0.0.1", "port": port})
    serve.run(Trees.bind(), route_prefix="/")
    signal.pause()


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2])
