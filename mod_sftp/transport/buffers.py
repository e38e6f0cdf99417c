"""Memory for packets: pages exist once they are touched, and can be given back while nothing of worth lies in them."""

from __future__ import annotations

import mmap


class Buffer:
    """``size`` bytes, zeros at first. ``view`` stays valid for as long as the buffer."""

    __slots__ = ("_map", "view")

    def __init__(self, size: int) -> None:
        # private: of memory that could be shared with another process the kernel takes no page back
        self._map = mmap.mmap(-1, size, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
        self.view = memoryview(self._map)

    def move(self, to: int, start: int, size: int) -> None:
        """Move ``size`` bytes within the buffer; both places may overlap."""
        self._map.move(to, start, size)

    def rest(self) -> None:
        """Give all pages back to the kernel; what lay there is zeros from now on."""
        self._map.madvise(mmap.MADV_DONTNEED)
