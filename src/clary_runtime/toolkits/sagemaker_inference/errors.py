"""Errors that inference scripts catch or raise; the server answers the second with 415 or 406."""

from __future__ import annotations

from clary_runtime.scripts.codecs import UnsupportedFormat as UnsupportedFormatError

__all__ = ["UnsupportedFormatError"]
