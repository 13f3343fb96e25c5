"""Patterns of the models, written for Java, as Python's `regex` reads them; compiled when first met.

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

_SURROGATE_PAIRS = r"\uD800\uDC00-\uDBFF\uDFFF"
_ALL_SUPPLEMENTARY = "\U00010000-\U0010ffff"

# Patterns that mean nothing to `regex`, or something else than to AWS, with what AWS means by them.
OVERRIDES: Mapping[str, str] = MappingProxyType({})


def satisfies(pattern: str, value: str) -> bool:
    """Return whether all of `value` matches `pattern`; a pattern that cannot be compiled forbids nothing."""
    compiled = compiled_pattern(pattern)
    if compiled is None:
        return True
    if len(value) > VALUE_CHARACTERS_MAX:
        return False
    try:
        return compiled.fullmatch(value, timeout=TIMEOUT_S, concurrent=True) is not None
    except TimeoutError:
        return False


@lru_cache(maxsize=4096)
def compiled_pattern(pattern: str) -> regex.Pattern[str] | None:
    """Return the compiled pattern; None if it is no regular expression in Java either."""
    try:
        return regex.compile(translated(pattern))
    except regex.error:
        return None


def translated(pattern: str) -> str:
    """Return a Java pattern in the syntax of `regex`."""
    if pattern in OVERRIDES:
        return OVERRIDES[pattern]
    text = pattern.replace(_SURROGATE_PAIRS, _ALL_SUPPLEMENTARY)
    return f"(?V1){text}" if "&&" in text else text
