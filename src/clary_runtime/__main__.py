"""The program: `python -m clary_runtime`."""

from __future__ import annotations

import sys

from clary_runtime.commands import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
