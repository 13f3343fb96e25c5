"""Running a script from a script."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence

from clary_runtime.layout import Layout
from clary_runtime.scripts import sources


def run(uri: str, user_entry_point: str, args: Sequence[str] = (), env_vars: Mapping[str, str] | None = None) -> None:
    """Fetch the source at `uri` and run its Python entry point to the end; raise if it fails."""
    code = sources.code_folder(uri, Layout.of(os.environ), os.environ)
    entry = sources.entry_file(code, user_entry_point)
    command = [sys.executable, str(entry), *args]
    subprocess.run(command, cwd=code, env={**os.environ, **(env_vars or {})}, check=True)  # noqa: S603 - the customer's own
