"""The peers that inference is measured beside, each as its own documentation starts it for a model of this kind.

Where a peer takes any body it gets the CSV row, else JSON. «One thread» is what `OMP_NUM_THREADS=1` says to
XGBoost: two threads for a row of 30 numbers wait for each other. Batching waits 1 ms at most, for up to 32 rows; only
BentoML finds by itself how long.
"""

from __future__ import annotations

import json

from inference.servers import Form, Server


def numbers(row: str) -> str:
    """Return a JSON object with the row as numbers."""
    return f'{{"row": [{row}]}}'


def batch(row: str) -> str:
    """Return a JSON object with the row as a batch of one."""
    return f'{{"rows": [[{row}]]}}'


def tensors(row: str) -> str:
    """Return a request of the Open Inference Protocol, as MLServer speaks it."""
    tensor = {"name": "rows", "shape": [1, row.count(",") + 1], "datatype": "FP32", "data": json.loads(f"[{row}]")}
    return json.dumps({"inputs": [tensor]})


def matrix(row: str) -> str:
    """Return a request of MLflow's scoring protocol; its CSV would cost four times as much."""
    return f'{{"inputs": [[{row}]]}}'


BATCH_ROWS, BATCH_WAIT_S = 32, 0.001
MODEL = {"PEER_MODEL": "{model}"}
QUIET = {"BENTOML_DO_NOT_TRACK": "True", "MLFLOW_DISABLE_TELEMETRY": "true", "RAY_USAGE_STATS_ENABLED": "0"}
MLSERVER = {
    "MLSERVER_HTTP_PORT": "{ports[0]}",
    "MLSERVER_GRPC_PORT": "{ports[1]}",
    "MLSERVER_METRICS_PORT": "{ports[2]}",
    "MLSERVER_MODEL_NAME": "trees",
    "MLSERVER_MODEL_IMPLEMENTATION": "mlserver_xgboost.XGBoostModel",
    "MLSERVER_MODEL_URI": "{model}",
}
ONE_THREAD = {"OMP_NUM_THREADS": "1", "MLSERVER_PARALLEL_WORKERS": "0"}
BATCHING = {"PEER_BATCH_ROWS": str(BATCH_ROWS), "PEER_BATCH_WAIT_S": str(BATCH_WAIT_S)}
GUNICORN = ("gunicorn", "--worker-class", "gevent", "--workers", "2", "--timeout", "60", "--log-level", "warning",
            "--chdir", "{here}", "container:app")  # fmt: skip
JSON = "application/json"
ROW, ROWS = Form("/predict", JSON, numbers), Form("/predict", JSON, batch)
TENSORS = Form("/v2/models/trees/infer", JSON, tensors)
MLSERVER_COMMAND = ("mlserver", "start", "{folder}")
LITSERVE_COMMAND = ("python", "{here}/litserve_api.py", "{ports[0]}")
BENTOML_COMMAND = ("bentoml", "serve", "bentoml_service:Trees", "--working-dir", "{here}", "--host", "127.0.0.1",
                   "--port", "{ports[0]}")  # fmt: skip
MLFLOW_COMMAND = ("mlflow", "models", "serve", "--model-uri", "{folder}/model", "--env-manager", "local",
                  "--host", "127.0.0.1", "--port", "{ports[0]}")  # fmt: skip

PEERS = (
    Server("sagemaker", "bench-sagemaker", (*GUNICORN, "--bind", "127.0.0.1:{ports[0]}"), settings=MODEL),
    Server(
        "sagemaker nginx",
        "bench-sagemaker",
        ("python", "{here}/container_behind_nginx.py", "{ports[0]}", *GUNICORN),
        settings=MODEL,
        program="nginx",
    ),
    Server("mlserver", "bench-mlserver", MLSERVER_COMMAND, TENSORS, MLSERVER),
    Server("mlserver one thread", "bench-mlserver", MLSERVER_COMMAND, TENSORS, MLSERVER | ONE_THREAD),
    Server(
        "mlserver batching",
        "bench-mlserver",
        MLSERVER_COMMAND,
        TENSORS,
        MLSERVER
        | ONE_THREAD
        | {"MLSERVER_MODEL_MAX_BATCH_SIZE": str(BATCH_ROWS), "MLSERVER_MODEL_MAX_BATCH_TIME": str(BATCH_WAIT_S)},
    ),
    Server("litserve", "bench-litserve", LITSERVE_COMMAND, ROW, MODEL),
    Server("litserve batching", "bench-litserve", LITSERVE_COMMAND, ROW, MODEL | BATCHING, restless=True),
    Server("bentoml", "bench-bentoml", BENTOML_COMMAND, ROW, MODEL | QUIET),
    Server("bentoml batching", "bench-bentoml", BENTOML_COMMAND, ROWS, MODEL | QUIET | BATCHING),
    Server(
        "mlflow",
        "bench-mlflow",
        MLFLOW_COMMAND,
        Form(media=JSON, body=matrix),
        QUIET | {"OMP_NUM_THREADS": "1"},
        ("python", "{here}/mlflow_model.py", "{model}", "{folder}/model"),
    ),
    Server(
        "ray serve",
        "bench-ray",
        ("python", "{here}/ray_deployment.py", "{ports[0]}", "{folder}"),
        settings=MODEL | QUIET,
        restless=True,
    ),
)
