"""A customer's `model_fn`, `input_fn`, `predict_fn`, `output_fn` or `transform_fn` behind `/invocations`.

Precedence, arguments and statuses are those of AWS's inference toolkits: a function may take one more argument, the
context; `transform_fn` excludes the other three; 415 and 406 for formats nobody reads or writes, 500 for exceptions.
"""

from __future__ import annotations

import importlib
import inspect
import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

from clary_runtime import toolkits
from clary_runtime.errors import ClientError
from clary_runtime.layout import Layout
from clary_runtime.scripts import codecs, forks, requirements, sources
from clary_runtime.scripts.context import Context
from clary_runtime.scripts.defaults import DEFAULTS, Handlers
from clary_runtime.serving.messages import Reply, Request

DEFAULT_PROGRAM = "inference.py"


class ScriptModel:
    """A loaded model and the functions around it; `transform` is all but the loading."""

    def __init__(self, transform: Callable[..., Any], model: Any, accept: str) -> None:
        self._transform = transform
        self._model = model
        self._accept = accept

    def quick(self, request: Request) -> bool:
        """Never: a customer's code may take any time."""
        return False

    def answer(self, request: Request) -> Reply:
        """Return what the script makes of a request; its exceptions are raised."""
        content_type = request.headers.get("content-type") or codecs.JSON
        accept = request.headers.get("accept", "")
        accept = self._accept if accept in ("", "*/*") else accept
        context = Context(request.headers)
        content = _content(request.body, content_type)
        return _reply(self._transform(self._model, content, content_type, accept, context), accept, context)


def _content(body: bytes, content_type: str) -> str | bytes:
    """Scripts get text as text and everything else as bytes."""
    return body.decode("utf-8") if codecs.bare(content_type) in codecs.TEXT_TYPES else body


def _reply(result: Any, accept: str, context: Context) -> Reply:
    """Read a result: a body, a body and its type, or an object of the toolkits' class `Response`; or a refusal."""
    if isinstance(result, Reply):
        return result
    if hasattr(result, "response"):
        body, content_type = result.response, getattr(result, "mimetype", None) or accept
    else:
        body, content_type = result if isinstance(result, tuple) else (result, accept)
    if isinstance(body, str):
        body = body.encode()
    if not isinstance(body, (bytes, bytearray, memoryview)):
        raise TypeError(f"output_fn must return text or bytes, or those and a content type; it returned {type(body)}")
    status = context.status or getattr(result, "status", None) or 200
    return Reply(int(status), bytes(body), context.content_type or content_type, context.response_headers)


def loader(layout: Layout, framework: str, environ: Mapping[str, str]) -> Callable[[], ScriptModel]:
    """Return what unpacks the code, installs what it needs, imports it and loads the model."""

    def load() -> ScriptModel:
        code, program = _code(layout, environ)
        sources.entry_file(code, program)
        module = _imported(program, code, requirements.site_folder(code, layout.code / requirements.SITE, environ))
        model_fn, transform = functions(module, DEFAULTS[framework])
        os.environ["SM_MODEL_DIR"] = str(layout.model)
        accept = environ.get("SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT") or codecs.JSON
        return ScriptModel(transform, model_fn(str(layout.model), Context({})), accept)

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
    sys.path.append(str(toolkits.FOLDER))
    return importlib.import_module(program.removesuffix(".py").replace("/", "."))


def functions(module: ModuleType, defaults: Handlers) -> tuple[Callable[..., Any], Callable[..., Any]]:
    """Return the script's `model_fn(folder, context)` and one function for the three steps of a request."""
    own = {name: getattr(module, name, None) for name in ("input_fn", "predict_fn", "output_fn")}
    transform_fn = getattr(module, "transform_fn", None)
    model_fn = _with_context(getattr(module, "model_fn", None) or defaults.model_fn, 1)
    if transform_fn is not None:
        if any(own.values()):
            raise ValueError(
                "Cannot use transform_fn implementation in conjunction with input_fn, predict_fn, and/or output_fn "
                "implementation"
            )
        return model_fn, _with_context(transform_fn, 4)
    steps = Handlers(
        model_fn,
        _with_context(own["input_fn"] or defaults.input_fn, 2),
        _with_context(own["predict_fn"] or defaults.predict_fn, 2),
        _with_context(own["output_fn"] or defaults.output_fn, 2),
    )
    return model_fn, _in_steps(steps)


def _in_steps(steps: Handlers) -> Callable[..., Any]:
    def transform(model: Any, content: Any, content_type: str, accept: str, context: Context) -> Any:
        try:
            data = steps.input_fn(content, content_type, context)
        except codecs.UnsupportedFormat as error:
            return Reply.text(415, str(error))
        prediction = steps.predict_fn(data, model, context)
        try:
            return steps.output_fn(prediction, accept, context)
        except codecs.UnsupportedFormat as error:
            return Reply.text(406, str(error))

    return transform


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
