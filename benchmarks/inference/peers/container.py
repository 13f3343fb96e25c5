"""What SageMaker's own containers serve with: a Flask application, for gunicorn's gevent workers."""

from __future__ import annotations

import numpy as np
import trees
from flask import Flask, Response, request

app = Flask(__name__)
predict = trees.loaded()


@app.get("/ping")
def ping() -> Response:
    """Say that the model is loaded."""
    return Response("\n", mimetype="application/json")


@app.post("/invocations")
def invocations() -> Response:
    """Answer the prediction for one CSV row."""
    row = np.array(request.get_data().split(b","), np.float32).reshape(1, -1)
    return Response(f"{float(predict(row)[0])!r}\n", mimetype="text/csv")
