"""Why a script failed, as one can tell from the end of its standard error.

AWS's toolkit reports the exception's own lines as `ErrorMessage`; this finds them.
"""

from __future__ import annotations

TRACEBACK = "Traceback (most recent call last):"
MESSAGE_CHARS_MAX = 700
LINES_MAX = 10


def error_message(stderr: str) -> str:
    """Return the last exception's lines, or the last lines of all where there was no traceback."""
    lines = stderr.rstrip().splitlines()
    starts = [number for number, line in enumerate(lines) if line.startswith(TRACEBACK)]
    if starts:
        raised = [line for line in lines[starts[-1] + 1 :] if line]
        found = _after_frames(raised)
    else:
        found = lines[-LINES_MAX:]
    return "\n ".join(found)[:MESSAGE_CHARS_MAX]


def _after_frames(lines: list[str]) -> list[str]:
    """Skip a traceback's frames, which are indented."""
    for number, line in enumerate(lines):
        if not line.startswith(" "):
            return lines[number:][:LINES_MAX]
    return lines[-1:]
