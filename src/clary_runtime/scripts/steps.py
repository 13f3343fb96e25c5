"""What happens to a request between its bytes and its reply's: the three functions of a script, or its one.

Steps can be gone through together: inputs are stacked, predicted at once, and the prediction's rows told apart.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate
from typing import Any, Protocol

from clary_runtime.scripts import codecs
from clary_runtime.scripts.context import Context
from clary_runtime.serving.messages import Reply


@dataclass(frozen=True, slots=True)
class Asked:
    """One request as scripts get it."""

    content: str | bytes
    content_type: str
    accept: str
    context: Context


class Transform(Protocol):
    """All that is done to requests, but for loading the model."""

    @property
    def together_max(self) -> int:
        """How many requests `together` takes."""

    def __call__(self, model: Any, asked: Asked) -> Any:
        """Return what becomes of one request."""

    def together(self, model: Any, asked: Sequence[Asked]) -> list[Any]:
        """Return what becomes of several requests."""


@dataclass(frozen=True, slots=True)
class Whole:
    """A script's `transform_fn`."""

    transform_fn: Callable[..., Any]
    together_max: int = 1

    def __call__(self, model: Any, asked: Asked) -> Any:
        """Return what the function makes of a request."""
        return self.transform_fn(model, asked.content, asked.content_type, asked.accept, asked.context)

    def together(self, model: Any, asked: Sequence[Asked]) -> list[Any]:
        """Go through one after the other."""
        return [self(model, each) for each in asked]


@dataclass(frozen=True, slots=True)
class Steps:
    """A script's functions, and the framework's where it has none of its own.

    `predicts_as_usual` tells that `predict_fn` is the framework's, `all_usual` that all three are.
    """

    input_fn: Callable[..., Any]
    predict_fn: Callable[..., Any]
    output_fn: Callable[..., Any]
    together_max: int
    predicts_as_usual: bool
    all_usual: bool

    def __call__(self, model: Any, asked: Asked) -> Any:
        """Go through the steps; a format that nobody knows is refused as AWS's toolkits refuse it."""
        try:
            data = self.input_fn(asked.content, asked.content_type, asked.context)
        except codecs.UnsupportedFormat as error:
            return Reply.text(415, str(error))
        return self._told(self.predict_fn(data, model, asked.context), asked)

    def together(self, model: Any, asked: Sequence[Asked]) -> list[Any]:
        """Predict once for all; raises what there is against it, as inputs of which rows cannot be stacked."""
        import numpy as np

        inputs = [self.input_fn(each.content, each.content_type, each.context) for each in asked]
        if any(getattr(each, "ndim", 0) < 2 for each in inputs):
            raise TypeError("only arrays of rows can be predicted together")
        ends = list(accumulate(len(each) for each in inputs))
        found = self.predict_fn(np.concatenate(inputs), model, Context({}))
        if len(found) != ends[-1]:
            raise ValueError(f"predict_fn returned {len(found)} predictions for {ends[-1]} rows")
        starts = [0, *ends[:-1]]
        return [self._told(found[start:end], each) for start, end, each in zip(starts, ends, asked, strict=True)]

    def reading_by(self, read: Callable[[str | bytes, str], Any]) -> Steps:
        """Return the same steps with another way to read what was sent."""
        return replace(self, input_fn=lambda content, content_type, context: read(content, content_type))

    def predicting_by(self, predict: Callable[[Any], Any], together_max: int) -> Steps:
        """Return the same steps with another way to predict, which takes so many requests together."""
        return replace(self, predict_fn=lambda data, model, context: predict(data), together_max=together_max)

    def _told(self, prediction: Any, asked: Asked) -> Any:
        try:
            return self.output_fn(prediction, asked.accept, asked.context)
        except codecs.UnsupportedFormat as error:
            return Reply.text(406, str(error))
