"""The model that built-in XGBoost serves: reads a body, predicts, writes the answer.

Statuses and messages are those of AWS's container: 204 for an empty body, 415 for a body it cannot read, 400 for
rows the model cannot take, 406 for an answer it cannot write.
"""

from __future__ import annotations

import pickle
import random
import threading
import time
from array import array
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from clary_runtime import lean
from clary_runtime.algorithms.xgboost import answers
from clary_runtime.algorithms.xgboost.acceleration import ROWS_MAX, Accelerated, accelerated
from clary_runtime.algorithms.xgboost.library import Booster, LibraryError, Prediction, load_library
from clary_runtime.algorithms.xgboost.payloads import PayloadError, csv_rows, libsvm_rows, plain_row
from clary_runtime.errors import ClientError
from clary_runtime.serving.messages import Reply, Request

MODEL = "xgboost-model"
TOGETHER_MAX = 32
ACCELERATE_AFTER_S = 0.3
"""When trees are compiled: not while the first requests come, which would wait for the same processor."""
# A body this small is answered in less time than handing it to another thread would take.
INLINE_BYTES_MAX = 16 << 10
FORMS_MAX = 256
"""Content types whose bare form is remembered."""
CSV_TYPES = ("text/csv", "csv")
LIBSVM_TYPES = ("text/libsvm", "text/x-libsvm", "libsvm")


class HostedModel:
    """A booster behind `/invocations`."""

    def __init__(self, booster: Booster, accept: str, keys: tuple[str, ...]) -> None:
        self._booster = booster
        self._accept = accept
        self._keys = keys
        self._accelerated: Accelerated | None = None

    def accelerate(self) -> None:
        """Answer small requests by compiled trees from now on, if they prove equal and faster."""
        self._accelerated = accelerated(self._booster, chance=random.Random(0), stopwatch=time.perf_counter)  # noqa: S311 - draws rows to compare

    def quick(self, request: Request) -> bool:
        """Whether `answer` may run on the event loop."""
        return len(request.body) <= INLINE_BYTES_MAX

    @property
    def together_max(self) -> int:
        """Compiled trees cost the same for each row, a call of the library hardly more for many rows than for one."""
        return 1 if self._accelerated is not None else TOGETHER_MAX

    def answer_together(self, requests: Sequence[Request]) -> list[Reply]:
        """Return the predictions for several requests; what is not a few plain rows is answered alone."""
        parts = [self._rows(request) for request in requests]
        joined: array[float] = array("f")
        for part in parts:
            joined.extend(part or ())
        found = self._booster.predict(joined, self._booster.columns) if joined else Prediction([], 1)
        replies, at = [], 0
        for request, part in zip(requests, parts, strict=True):
            end = at + len(part or ()) // self._booster.columns * found.width
            replies.append(self._told(request, found, at, end) if part else self.answer(request))
            at = end
        return replies

    def _rows(self, request: Request) -> array[float] | None:
        """Return the rows of a request that any other would share a prediction with."""
        if _bare(request.headers.get("content-type", "")) not in ("", *CSV_TYPES) or self._accepted(request) is None:
            return None
        try:
            values, columns = csv_rows(request.body)
        except PayloadError:
            return None
        return values if columns == self._booster.columns else None

    def _told(self, request: Request, found: Prediction, start: int, end: int) -> Reply:
        accept = self._accepted(request) or self._accept
        return Reply(200, self._encoded(Prediction(found.values[start:end], found.width), accept), accept)

    def answer(self, request: Request) -> Reply:
        """Return the prediction for one request, or the refusal AWS's container would give."""
        if not request.body:
            return Reply(204)
        content_type = _bare(request.headers.get("content-type", "")) or "text/csv"
        if (accept := self._accepted(request)) is None:
            wanted = request.headers.get("accept", "")
            return Reply.text(
                406,
                f"Accept type {wanted} is not supported. Please use supported accept types: {list(answers.ACCEPTED)}.",
            )
        try:
            return Reply(200, self._encoded(self._predicted(request.body, content_type), accept), accept)
        except PayloadError as error:
            return Reply.text(415, str(error))
        except (LibraryError, ValueError) as error:
            return Reply.text(400, f"Unable to evaluate payload provided: {error}")

    def _predicted(self, body: bytes, content_type: str) -> Prediction:
        if content_type in CSV_TYPES:
            if self._accelerated is not None and (row := plain_row(body)) and len(row) == self._booster.columns:
                return self._accelerated.predict_row(row)
            values, columns = csv_rows(body)
            if columns != self._booster.columns:
                raise ValueError(
                    f"Feature size of csv inference data {columns} is not consistent with feature size of "
                    f"trained model {self._booster.columns}."
                )
            if self._accelerated is not None and len(values) <= ROWS_MAX * columns:
                return self._accelerated.predict(values, columns)
            return self._booster.predict(values, columns)
        if content_type in LIBSVM_TYPES:
            rows = libsvm_rows(body)
            if rows.columns > self._booster.columns:
                raise ValueError(
                    f"Feature size of libsvm inference data {rows.columns} is larger than feature size of "
                    f"trained model {self._booster.columns}."
                )
            return self._booster.predict_sparse(rows)
        raise PayloadError(f"Content-type {content_type} is not supported.")

    def _encoded(self, prediction: Prediction, accept: str) -> bytes:
        if self._keys:
            return answers.selected(prediction, accept, self._keys, self._booster.objective, self._booster.classes)
        return answers.encode(prediction, accept)

    def _accepted(self, request: Request) -> str | None:
        accept = _bare(request.headers.get("accept", ""))
        if accept in ("", "*/*"):
            return self._accept
        return accept if accept in answers.ACCEPTED else None


@lru_cache(FORMS_MAX)
def _bare(value: str) -> str:
    return value.partition(";")[0].strip().lower()


def loader(folder: Path, environ: Mapping[str, str]) -> Callable[[], HostedModel]:
    """Return what loads the model in `folder`, with the container's documented environment settings."""
    keys = tuple(key.strip().lower() for key in environ.get("SAGEMAKER_INFERENCE_OUTPUT", "").split(",") if key.strip())
    accept = _bare(environ.get("SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT", "")) or answers.CSV

    def load() -> HostedModel:
        model = HostedModel(Booster(load_library(), model_bytes(model_file(folder))), accept, keys)
        if environ.get("CLARY_ACCELERATION", "").lower() != "off":  # meanwhile the library answers
            later = threading.Timer(ACCELERATE_AFTER_S, model.accelerate)
            later.name, later.daemon = "accelerate", True
            later.start()
        return model

    return load


def model_file(folder: Path) -> Path:
    """Return the model in a model folder: the file training leaves, else the only file there."""
    if (usual := folder / MODEL).is_file():
        return usual
    found = [path for path in sorted(folder.glob("*")) if path.is_file() and not path.name.startswith(".")]
    if len(found) != 1:
        raise ClientError(f"Unable to load model: expected one file '{MODEL}' in {folder}, found {len(found)} files")
    return found[0]


def model_bytes(path: Path) -> bytes:
    """Return a model in the library's own format; older containers pickled theirs, and those are converted."""
    content = path.read_bytes()
    return content if content.startswith(b"{") else _unpickled(content)


def _unpickled(content: bytes) -> bytes:
    """Only here is the Python package needed; the pickle is the customer's own, in the customer's sandbox."""
    with lean.without("sklearn"):
        import xgboost
    if not content.startswith(b"\x80"):
        return bytes(xgboost.Booster(model_file=bytearray(content)).save_raw("ubj"))
    model: Any = pickle.loads(content)  # noqa: S301 - AWS's container loads customers' pickles, in their own sandbox too
    return bytes(model.save_raw("ubj"))
