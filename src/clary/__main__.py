"""The command `clary`, also `python -m clary`."""

from __future__ import annotations

import gc

from clary.cli import app
from clary.supervisor.programs import Programs


def main() -> None:
    """Run the command line."""
    app.run(programs)


def programs() -> Programs:
    """Import all of Clary, which only `clary up` needs, and return its programs."""
    gc.disable()  # until the supervisor enables it: to look for garbage in what stays takes a tenth of the start
    from clary import main as house

    return Programs(
        prepare=house.prepare,
        gateway=house.gateway,
        api=house.api,
        controller=house.controller,
        agent=house.agent,
    )


if __name__ == "__main__":
    main()
