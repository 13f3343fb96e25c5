"""What ends the demo early."""

from __future__ import annotations


class DemoFailed(Exception):
    """Something is not as it must be; the message is a sentence for the person before the screen."""


class Interrupted(Exception):
    """The demo was told to stop."""
