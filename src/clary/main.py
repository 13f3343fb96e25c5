"""The command `clary`: gives the command line what it may need to start, and imports that only then."""

from __future__ import annotations

from typing import TYPE_CHECKING

from clary.cli import app

if TYPE_CHECKING:
    from clary.supervisor.programs import Programs


def main() -> None:
    """Run the command line."""
    app.run(_programs)


def _programs() -> Programs:
    from clary.programs import programs

    return programs()
