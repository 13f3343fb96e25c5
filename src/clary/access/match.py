"""Wildcards and policy variables: does a text match what a policy says.

`*` and `?` are wild; in an ARN each of the first five parts is matched by itself.
`${aws:username}` stands for the request's value, which is never wild. Matching
takes time in proportion to pattern times text, whatever a policy's author wrote.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

Value = str | Sequence[str]
Context = Mapping[str, Value]
"""Condition keys in lower case, and what the request gives for them."""


class Later(Mapping[str, Value]):
    """Condition keys that are put together when the first is looked at: most policies look at none."""

    __slots__ = ("_made", "_make")

    def __init__(self, make: Callable[[], Context]) -> None:
        self._make = make
        self._made: Context | None = None

    def __getitem__(self, key: str) -> Value:
        return self._told()[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._told())

    def __len__(self) -> int:
        return len(self._told())

    def _told(self) -> Context:
        if self._made is None:
            self._made = self._make()
        return self._made


ARN_PARTS = 6
_VARIABLE = re.compile(r"\$\{([^}]*)\}")
# Private characters stand for signs that came with a variable's value and must not be read as wild.
_MASKS = {"*": "\ue000", "?": "\ue001", ":": "\ue002"}
_UNMASK = {ord(mask): sign for sign, mask in _MASKS.items()}
_ANY, _ANY_IN_PART = r"[\s\S]", "[^:]"


@dataclass(frozen=True, slots=True)
class Patterns:
    """Some patterns of which one has to match."""

    everything: bool
    exact: frozenset[str]
    wild: re.Pattern[str] | None
    variable: tuple[str, ...]  # patterns that stand for something else in every request
    arns: bool

    def match(self, text: str, context: Context) -> bool:
        """Return whether one of the patterns matches the text."""
        if self.everything or text in self.exact:
            return True
        if self.wild is not None and self.wild.fullmatch(text):
            return True
        return any(_match_variable(pattern, text, context, arns=self.arns) for pattern in self.variable)


def patterns(texts: Sequence[str], *, arns: bool = False, variables: bool = False) -> Patterns:
    """Return patterns to match with; `variables` says whether `${…}` stands for something."""
    variable = tuple(text for text in texts if variables and "${" in text)
    plain = [text for text in texts if text not in variable]
    wild = [text for text in plain if ("*" in text or "?" in text) and text != "*"]
    return Patterns(
        everything="*" in plain,
        exact=frozenset(text for text in plain if text not in wild),
        wild=re.compile("|".join(_expression(text, arns=arns) for text in wild)) if wild else None,
        variable=variable,
        arns=arns,
    )


def like(pattern: str, text: str) -> bool:
    """Return whether a pattern with wildcards matches the whole text."""
    if "*" in pattern or "?" in pattern:
        return re.fullmatch(_glob(pattern, _ANY), text) is not None
    return pattern.translate(_UNMASK) == text


def arn_like(pattern: str, text: str) -> bool:
    """Return whether an ARN matches, part by part."""
    return pattern == text or re.fullmatch(_expression(pattern, arns=True), text) is not None


def expand(text: str, context: Context, *, mask: bool = False) -> str | None:
    """Return the text with its variables replaced, None if the request has no value for one.

    What was put in is masked on demand, so that `like` and `arn_like` take it literally.
    """
    pieces = _expanded(text, context)
    if pieces is None:
        return None
    return "".join(_masked(piece) if mask and literal else piece for piece, literal in pieces)


def single(value: Value | None) -> str | None:
    """Return the one value of a condition key, None if there is not exactly one."""
    if value is None or isinstance(value, str):
        return value
    return value[0] if len(value) == 1 else None


def _match_variable(pattern: str, text: str, context: Context, *, arns: bool) -> bool:
    expanded = expand(pattern, context, mask=True)
    return expanded is not None and re.fullmatch(_expression(expanded, arns=arns), text) is not None


def _expanded(text: str, context: Context) -> list[tuple[str, bool]] | None:
    """Return the pieces of a text, each with whether it is literal; None if a variable has no value."""
    pieces: list[tuple[str, bool]] = []
    at = 0
    for found in _VARIABLE.finditer(text):
        pieces.append((text[at : found.start()], False))
        value = _value(found[1], context)
        if value is None:
            return None
        pieces.append((value, True))
        at = found.end()
    pieces.append((text[at:], False))
    return pieces


def _value(name: str, context: Context) -> str | None:
    if name in ("*", "?", "$"):
        return name
    key, _, default = name.partition(",")
    value = single(context.get(key.strip().lower()))
    if value is None and default:
        return default.strip().strip("'")
    return value


def _masked(text: str) -> str:
    for sign, mask in _MASKS.items():
        text = text.replace(sign, mask)
    return text


def _expression(pattern: str, *, arns: bool) -> str:
    parts = pattern.split(":", ARN_PARTS - 1)
    if not arns or len(parts) < ARN_PARTS:
        return _glob(pattern, _ANY)
    head = ":".join(_glob(part, _ANY_IN_PART) for part in parts[:-1])
    return f"{head}:{_glob(parts[-1], _ANY)}"


def _glob(pattern: str, any_sign: str) -> str:
    """Return the regular expression; atomic groups keep it from ever going back over what it has read."""
    first, *rest = [_literal(chunk, any_sign) for chunk in re.sub(r"\*+", "*", pattern).split("*")]
    if not rest:
        return first
    middle = "".join(f"(?>{any_sign}*?{chunk})" for chunk in rest[:-1])
    return f"{first}{middle}{any_sign}*{rest[-1]}"


def _literal(chunk: str, any_sign: str) -> str:
    return any_sign.join(re.escape(piece.translate(_UNMASK)) for piece in chunk.split("?"))
