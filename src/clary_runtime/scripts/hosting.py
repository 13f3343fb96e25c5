"""A customer's `model_fn`, `input_fn`, `predict_fn`, `output_fn` or `transform_fn` behind `/invocations`.

Precedence, arguments and statuses are those of AWS's inference toolkits: a function may take one more argument, the
context; `transform_fn` excludes the other three; 415 and 406 for formats nobody reads or writes, 500 for exceptions.
"""

from __future__ import annotations

import importlib
import inspect
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from types import GeneratorType, ModuleType
from typing import Any

from clary_runtime import toolkits
from clary_runtime.errors import ClientError
from clary_runtime.layout import Layout
from clary_runtime.scripts import boosted, codecs, forks, requirements, sources
from clary_runtime.scripts.context import Context
from clary_runtime.scripts.defaults import DEFAULTS, Handlers
from clary_runtime.scripts.direct import ROWS_MAX, direct
from clary_runtime.scripts.steps import Asked, Steps, Transform, Whole
from clary_runtime.serving.messages import Reply, Request

DEFAULT_PROGRAM = "inference.py"
BATCH_SIZE = "BATCH_SIZE"
BATCH_SIZE_MAX = 1024


INLINE_BYTES_MAX = 4 << 10
INLINE_S_MAX = 0.0002
"""What a request may cost on the event loop: about what handing it to a thread and back costs."""
ACCELERATE_AFTER_S = 0.5
"""When a loaded model is looked at for a shorter way: not while its first requests come."""


class ScriptModel:
    """A loaded model and the functions around it; `transform` is all but the loading."""

    def __init__(self, transform: Transform, model: Any, accept: str) -> None:
        self._transform = transform
        self._model = model
        self._accept = accept
        self._inline = False

    def accelerate(self) -> None:
        """Take the model's own short way from now on, where nothing of the customer's stands in it."""
        transform, model = self._transform, self._model
        if not (isinstance(transform, Steps) and transform.predicts_as_usual):
            return
        if transform.all_usual and boosted.is_booster(model):
            transform, model = transform.reading_by(boosted.rows_of), boosted.Rowed(model)
        found = direct(model, stopwatch=time.perf_counter)
        if found is not None:
            self._transform = transform.predicting_by(found.predict, max(ROWS_MAX, transform.together_max))
            self._inline = transform.all_usual and found.row_s <= INLINE_S_MAX

    def quick(self, request: Request) -> bool:
        """Only without the customer's code, which may take any time."""
        return self._inline and len(request.body) <= INLINE_BYTES_MAX

    @property
    def together_max(self) -> int:
        """What the script says it takes, or what was tried; of a model this quick each row costs the same."""
        return 1 if self._inline else self._transform.together_max

    def answer(self, request: Request) -> Reply:
        """Return what the script makes of a request; its exceptions are raised."""
        asked = self._asked(request)
        return _reply(self._transform(self._model, asked), asked.accept, asked.context)

    def answer_together(self, requests: Sequence[Request]) -> list[Reply]:
        """Return what the script makes of several requests at once."""
        asked = [self._asked(request) for request in requests]
        results = self._transform.together(self._model, asked)
        return [_reply(result, each.accept, each.context) for result, each in zip(results, asked, strict=True)]

    def _asked(self, request: Request) -> Asked:
        content_type = request.headers.get("content-type") or codecs.JSON
        accept = request.headers.get("accept", "")
        accept = self._accept if accept in ("", "*/*") else accept
        return Asked(_content(request.body, content_type), content_type, accept, Context(request.headers))


def _content(body: bytes, content_type: str) -> str | bytes:
    """Scripts get text as text and everything else as bytes."""
    return body.decode("utf-8") if codecs.bare(content_type) in codecs.TEXT_TYPES else body


def _reply(result: Any, accept: str, context: Context) -> Reply:
    """Read a result: a body, a body and its type, or an object of the toolkits' class `Response`; or a refusal.

    A generator is a body that is sent as it is made.
    """
    if isinstance(result, Reply):
        return result
    if hasattr(result, "response"):
        body, content_type = result.response, getattr(result, "mimetype", None) or accept
    else:
        body, content_type = result if isinstance(result, tuple) else (result, accept)
    status = int(context.status or getattr(result, "status", None) or 200)
    content_type = context.content_type or content_type
    if isinstance(body, GeneratorType):
        return Reply(status, b"", content_type, context.response_headers, _begun(body))
    if isinstance(body, str):
        body = body.encode()
    if not isinstance(body, (bytes, bytearray, memoryview)):
        raise TypeError(f"output_fn must return text or bytes, or those and a content type; it returned {type(body)}")
    return Reply(status, bytes(body), content_type, context.response_headers)


def _begun(made: Iterator[Any]) -> Iterator[bytes]:
    """Return the pieces of a stream, the first of which is made now, so that its exception is a 500 yet."""
    pieces = map(_piece, made)
    first = next(pieces, b"")

    def all_of_them() -> Iterator[bytes]:
        with closing(made):  # type: ignore[type-var]
            yield first
            yield from pieces

    return all_of_them()


def _piece(piece: Any) -> bytes:
    if isinstance(piece, str):
        return piece.encode()
    if isinstance(piece, (bytes, bytearray, memoryview)):
        return bytes(piece)
    raise TypeError(f"a stream must yield text or bytes; it yielded {type(piece)}")


def _unless_it_streams(output_fn: Callable[[Any, str], Any]) -> Callable[[Any, str], Any]:
    """Let what `predict_fn` yields pass as it is where the script has no `output_fn`."""
    return lambda prediction, accept: (
        prediction if isinstance(prediction, GeneratorType) else output_fn(prediction, accept)
    )


def loader(layout: Layout, framework: str, environ: Mapping[str, str]) -> Callable[[], ScriptModel]:
    """Return what unpacks the code, installs what it needs, imports it and loads the model."""

    def load() -> ScriptModel:
        code, program = _code(layout, environ)
        sources.entry_file(code, program)
        module = _imported(program, code, requirements.site_folder(code, layout.code / requirements.SITE, environ))
        model_fn, transform = functions(module, DEFAULTS[framework])
        os.environ["SM_MODEL_DIR"] = str(layout.model)
        accept = environ.get("SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT") or codecs.JSON
        model = ScriptModel(transform, model_fn(str(layout.model), Context({})), accept)
        if environ.get("CLARY_ACCELERATION", "").lower() != "off":
            later = threading.Timer(ACCELERATE_AFTER_S, model.accelerate)
            later.name, later.daemon = "accelerate", True
            later.start()
        return model

    return load


def _code(layout: Layout, environ: Mapping[str, str]) -> tuple[Path, str]:
    """Return the script's folder and name: as the environment says, else `code/inference.py` in the model."""
    program = environ.get("SAGEMAKER_PROGRAM", "")
    submitted = environ.get("SAGEMAKER_SUBMIT_DIRECTORY", "")
    beside = layout.model / "code"
    if submitted:
        return sources.code_folder(submitted, layout, environ), program or DEFAULT_PROGRAM
    if (beside / (program or DEFAULT_PROGRAM)).is_file():
        return beside, program or DEFAULT_PROGRAM
    if not program:
        raise ClientError("No inference script: set SAGEMAKER_PROGRAM and SAGEMAKER_SUBMIT_DIRECTORY")
    return layout.code, program


def _imported(program: str, code: Path, site: Path | None) -> ModuleType:
    forks.uncover(code)
    sys.path[:0] = [str(folder) for folder in (code, site) if folder]
    sys.path.append(str(toolkits.folder()))
    return importlib.import_module(program.removesuffix(".py").replace("/", "."))


def functions(module: ModuleType, defaults: Handlers) -> tuple[Callable[..., Any], Transform]:
    """Return the script's `model_fn(folder, context)` and what does the three steps of a request."""
    own = {name: getattr(module, name, None) for name in ("input_fn", "predict_fn", "output_fn")}
    transform_fn = getattr(module, "transform_fn", None)
    model_fn = _with_context(getattr(module, "model_fn", None) or defaults.model_fn, 1)
    if transform_fn is not None:
        if any(own.values()):
            raise ValueError(
                "Cannot use transform_fn implementation in conjunction with input_fn, predict_fn, and/or output_fn "
                "implementation"
            )
        return model_fn, Whole(_with_context(transform_fn, 4))
    steps = Steps(
        input_fn=_with_context(own["input_fn"] or defaults.input_fn, 2),
        predict_fn=_with_context(own["predict_fn"] or defaults.predict_fn, 2),
        output_fn=_with_context(own["output_fn"] or _unless_it_streams(defaults.output_fn), 2),
        together_max=_batch_size(module),
        predicts_as_usual=own["predict_fn"] is None,
        all_usual=not any(own.values()),
    )
    return model_fn, steps


def _batch_size(module: ModuleType) -> int:
    """Return how many requests the script says its `predict_fn` takes, their inputs one below the other."""
    declared = getattr(module, BATCH_SIZE, 1)
    if not isinstance(declared, int) or not 1 <= declared <= BATCH_SIZE_MAX:
        raise ValueError(f"{BATCH_SIZE} must be a whole number from 1 to {BATCH_SIZE_MAX}, not {declared!r}")
    return declared


def _with_context(function: Callable[..., Any], arguments: int) -> Callable[..., Any]:
    """Let a function be called with the context, whether or not it has a parameter for it."""
    taken = len(inspect.signature(function).parameters)
    if taken == arguments + 1:
        return function
    if taken != arguments:
        name = getattr(function, "__name__", "a function")
        raise TypeError(
            f"{name} takes {taken} arguments; it must take {arguments}, or {arguments + 1} with the context"
        )
    return lambda *given: function(*given[:arguments])
