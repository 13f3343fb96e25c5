"""`clary version`."""

from __future__ import annotations

from clary import __version__


def version() -> None:
    """Print the version."""
    print(f"clary {__version__}")


COMMANDS = {"version": version}
