"""Keep freed memory in the process instead of handing it back to the system after every step.

A CPU training step allocates and frees the same gigabyte each time. glibc returns large blocks to the kernel at once,
and faulting them in again costs much of a MobileFaceNet step.
"""

import ctypes
import platform

_M_TRIM_THRESHOLD, _M_MMAP_MAX = -1, -4  # malloc.h
_NEVER = 2**31 - 1


def keep_freed_memory() -> bool:
    """Tell glibc's allocator so; other systems' are left alone. Returns whether it agreed."""
    if platform.libc_ver()[0] != "glibc":
        return False
    mallopt = ctypes.CDLL(None).mallopt
    return bool(mallopt(_M_MMAP_MAX, 0)) and bool(mallopt(_M_TRIM_THRESHOLD, _NEVER))
