"""How much memory the C library keeps of what was freed, for a process that has many threads, or runs for months.

By itself glibc gives each thread a heap of its own, and lets the size from which memory is asked of the system, and
so given back at once, grow with the largest that was freed. Documents of all sizes, read and published by a dozen
threads, then leave more holes than there is in use: 350 MB of which 120 were in use, against 230 so. To fault pages in
anew costs less than looking through the holes did.
"""

from __future__ import annotations

import ctypes

#: Numbers of `mallopt` (malloc.h), and what each is set to: one heap; sizes in bytes, which no longer grow.
OPTIONS = {
    "M_ARENA_MAX": (-8, 1),
    "M_MMAP_THRESHOLD": (-3, 128 * 1024),
    "M_TRIM_THRESHOLD": (-1, 128 * 1024),
}

#: Seconds between looks for what can be given back.
EVERY = 60


def settle() -> None:
    """Before there are threads. Does nothing where the C library is another."""
    if mallopt := getattr(ctypes.CDLL(None), "mallopt", None):
        for number, value in OPTIONS.values():
            mallopt(number, value)


def give_back() -> None:
    """Holes between what is in use: some milliseconds."""
    if trim := getattr(ctypes.CDLL(None), "malloc_trim", None):
        trim(0)
