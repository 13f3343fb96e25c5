"""What libraries look up when they are first used, looked up: warm parents import this, and their children have it.

scikit-learn's first prediction has narwhals read the entry points of every installed distribution, for its plugins.
"""

from __future__ import annotations

import narwhals

narwhals.from_native(None, pass_through=True)
