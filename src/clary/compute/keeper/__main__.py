"""Entry of the keeper process, whose one argument is the instance's folder, and of the warm parents of keepers."""

from __future__ import annotations

import os
import sys

if __name__ == "__main__":
    # The folder of this file is no place to import from; the package's own root is, after everything else.
    sys.path[:] = [path for path in sys.path if path != os.path.dirname(__file__)]
    search = list(sys.path)
    sys.path.append(os.path.abspath(f"{os.path.dirname(__file__)}/../../.."))
    if sys.argv[1] == "--warm":
        from clary.compute.keeper.parent import be_parent

        be_parent(int(sys.argv[2]), search)
    else:
        from clary.compute.keeper.life import begin

        begin(sys.argv[1])
