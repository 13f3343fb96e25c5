"""The bare servers: an ASGI application that predicts in process, with no signature, no routing and no metrics.

Run by uvicorn in the environment of the benchmark. BARE_MODEL names the model's file, BARE_ENGINE the library.
"""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Message = dict[str, Any]


def xgboost_engine(path: Path) -> Callable[[Floats], Any]:
    """Return XGBoost's own prediction of a row; one thread, since two take six times as long for it."""
    import xgboost

    booster = xgboost.Booster(model_file=path)
    booster.set_param({"nthread": 1})
    return lambda row: booster.inplace_predict(row)[0]


def onnx_engine(path: Path) -> Callable[[Floats], Any]:
    """Return ONNX Runtime's prediction of a row."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(path.read_bytes(), options, ["CPUExecutionProvider"])
    entry, probabilities = session.get_inputs()[0].name, [session.get_outputs()[1].name]
    return lambda row: session.run(probabilities, {entry: row})[0][0, 1]


ENGINES = {"xgboost": xgboost_engine, "onnx": onnx_engine}
predict = ENGINES[os.environ["BARE_ENGINE"]](Path(os.environ["BARE_MODEL"]))
HEADERS = [(b"content-type", b"text/csv")]


async def app(scope: Message, receive: Callable[[], Awaitable[Message]], send: Callable[[Message], Any]) -> None:
    """Answer the prediction for one CSV row."""
    if scope["type"] != "http":
        return
    body = b""
    more = True
    while more:
        message = await receive()
        body += message.get("body", b"")
        more = message.get("more_body", False)
    row = np.array(body.split(b","), np.float32).reshape(1, -1)
    answer = b"%r\n" % float(predict(row))
    length = (b"content-length", b"%d" % len(answer))
    await send({"type": "http.response.start", "status": 200, "headers": [*HEADERS, length]})
    await send({"type": "http.response.body", "body": answer})
