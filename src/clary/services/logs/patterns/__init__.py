"""Filter patterns: what a search, and later a metric filter, looks for in a message.

Three languages, told apart by their first character: terms (`ERROR -debug "a
phrase" ?maybe %re+gex%`), JSON (`{ $.status = 5* && $.ms > 100 }`) and
space-delimited fields (`[ip, user, ..., status = 4*, bytes]`).
"""

from __future__ import annotations

from clary.services.logs.patterns.conditions import Matches
from clary.services.logs.patterns.fields import parse_fields
from clary.services.logs.patterns.json_paths import parse_json
from clary.services.logs.patterns.terms import parse_terms


def parse(pattern: str) -> Matches:
    """Return what says whether a message matches, or raise InvalidParameter."""
    text = pattern.strip()
    if text.startswith("{"):
        return parse_json(text)
    if text.startswith("["):
        return parse_fields(text)
    return parse_terms(text)
