"""What large bodies took is kept for the next ones."""

from __future__ import annotations

import subprocess
import sys

SCRIPT = """
import ctypes, resource, sys
from clary_runtime.memory import keep_freed

PR_SET_THP_DISABLE = 41
assert ctypes.CDLL(None).prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0) == 0  # so that a page has 4 KiB

def faults():
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt

if sys.argv[1:]:
    keep_freed(int(sys.argv[1]))
for _ in range(3):
    before = faults()
    bodies = [bytearray(10 * 1024 * 1024) for _ in range(3)]
    del bodies
print(faults() - before)
"""
PAGES = 3 * 10 * 256


def faults(*arguments: str) -> int:
    """Return how many pages a process asked for when it took the same memory for the third time."""
    return int(subprocess.check_output([sys.executable, "-c", SCRIPT, *arguments], text=True))


def test_memory_that_is_kept_is_not_asked_for_again():
    assert faults(str(64 * 1024 * 1024)) < PAGES / 10
    assert faults() > PAGES / 2, "which it is otherwise"
    assert faults(str(1024 * 1024)) > PAGES / 2, "no more is kept than was said"
