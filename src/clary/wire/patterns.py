"""Patterns of the models, written for Java, in the syntax of Python's `regex`; compiled when first met.

A value is matched as a whole, as AWS does, and for a bounded time: a pattern that a value makes
very slow counts as not satisfied.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from types import MappingProxyType

import regex

TIMEOUT_S = 0.25
VALUE_CHARACTERS_MAX = 1_000_000
NAME_CHARACTERS_MAX = 256
"""Values up to here are mostly names, which come again: what was found of them is kept."""

_PIECE = regex.compile(r"\\[pPx]\{[^}]*\}|\\.|[\[\]]|[^\\\[\]]+", regex.DOTALL)

# What Java means by these, for ASCII only, as the inside of a character class.
_CLASSES: Mapping[str, str] = MappingProxyType(
    {
        r"\w": "A-Za-z0-9_",
        r"\d": "0-9",
        r"\p{ASCII}": r"\x00-\x7f",
        r"\p{Alnum}": "A-Za-z0-9",
        r"\p{Alpha}": "A-Za-z",
        r"\p{Blank}": r" \t",
        r"\p{Cntrl}": r"\x00-\x1f\x7f",
        r"\p{Digit}": "0-9",
        r"\p{Graph}": "!-~",
        r"\p{LD}": r"\p{L}\p{N}",
        r"\p{Print}": " -~",
        r"\p{Punct}": r"!-/:-@\[-`{-~",
        r"\p{Upper}": "A-Z",
        r"\p{XDigit}": "0-9A-Fa-f",
        r"\p{all}": r"\s\S",
    }
)

# Java reads two escaped halves of a surrogate pair as one character.
_SURROGATE_RANGE = (r"\uD800\uDC00-\uDBFF\uDFFF", r"\U00010000-\U0010FFFF")

OVERRIDES: Mapping[str, str] = MappingProxyType(
    {
        # Java repeats a repetition; `regex` calls it an error. (rbin, RuleArn)
        r"^arn:\S+:rbin:[a-z\-0-9]{0,63}:[0-9]{12}:rule/[0-9a-zA-Z]{11}{0,1011}$": (
            r"^arn:\S+:rbin:[a-z\-0-9]{0,63}:[0-9]{12}:rule/(?:[0-9a-zA-Z]{11}){0,1011}$"
        ),
    }
)


def satisfies(pattern: str, value: str) -> bool:
    """Return whether all of `value` matches `pattern`."""
    if len(value) > VALUE_CHARACTERS_MAX:
        return False
    try:
        return (_known if len(value) <= NAME_CHARACTERS_MAX else _matches)(pattern, value)
    except TimeoutError:
        return False


def _matches(pattern: str, value: str) -> bool:
    return compiled(pattern).fullmatch(value, timeout=TIMEOUT_S) is not None


_known = lru_cache(maxsize=16_384)(_matches)


@lru_cache(maxsize=4096)
def compiled(pattern: str) -> regex.Pattern[str]:
    """Return the compiled pattern; every one in botocore's models compiles, which a test holds."""
    return regex.compile(translated(OVERRIDES.get(pattern, pattern)))


def translated(pattern: str) -> str:
    """Return a Java pattern in the syntax of `regex`."""
    classes = {} if regex.search(r"\\[WD]", pattern) else _CLASSES
    inside = False
    parts = ["(?V1)"] if "&&" in pattern else []
    before = ""
    for piece in _PIECE.findall(pattern.replace(*_SURROGATE_RANGE)):
        if piece in "[]":
            inside = piece == "["
        # In `[\w-.]` the hyphen is only a hyphen; after `0-9` it would begin a range.
        parts.append("\\" if before in classes and piece.startswith("-") else "")
        parts.append(_translated_piece(piece, classes, inside=inside))
        before = piece
    return "".join(parts)


def _translated_piece(piece: str, classes: Mapping[str, str], *, inside: bool) -> str:
    if piece.startswith(r"\x{"):
        return regex.escape(chr(int(piece[3:-1], 16)))
    members = classes.get(piece)
    if members is None:
        return piece
    return members if inside else f"[{members}]"
