"""Memory that was freed and is kept for the next large body: to get it anew costs a page fault every 4 KiB."""

from __future__ import annotations

import ctypes

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3
BLOCK_BYTES_MAX = 32 * 1024 * 1024
"""The largest block that may be kept; glibc takes no more."""


def keep_freed(bytes_max: int) -> None:
    """Have the process keep so much freed memory; only glibc's allocator can be told."""
    libc = ctypes.CDLL(None)
    if hasattr(libc, "mallopt"):
        libc.mallopt(M_MMAP_THRESHOLD, BLOCK_BYTES_MAX)
        libc.mallopt(M_TRIM_THRESHOLD, bytes_max)
