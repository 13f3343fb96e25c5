"""Entry of the keeper process; its one argument is the instance's folder."""

from __future__ import annotations

import os
import sys

if __name__ == "__main__":
    # Isolated Python knows neither this package nor site-packages; only the former is wanted.
    sys.path[:] = [path for path in sys.path if path != os.path.dirname(__file__)]
    sys.path.append(os.path.abspath(f"{os.path.dirname(__file__)}/../../.."))
    from clary.compute.keeper.life import begin

    begin(sys.argv[1])
