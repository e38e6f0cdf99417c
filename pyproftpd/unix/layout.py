"""What sessions write to lies together: they are forks of the master, and copy each page of it that they write to.

Running a piece of code is a write to it, as the interpreter counts there how often an instruction ran; a new object is a
write to the page of the gap that it fills. The code of a session is a seventh of what the modules hold, scattered over all of
it, and so are the gaps.

Measured with Python 3.13: 3.9 MB of private memory of an idle session without, 2.0 MB with; 1,130 page faults a login
without, 640 with.
"""

from __future__ import annotations

import ctypes
import gc
import itertools
import os
import sys
import threading
from array import array
from collections.abc import Callable, Collection
from types import CodeType, FrameType, FunctionType

_libc = ctypes.CDLL(None)


def _allocator() -> object:
    """The name that the interpreter gives to what it allocates objects with; ``b""`` where it has none."""
    name = getattr(ctypes.pythonapi, "_PyMem_GetCurrentAllocatorName", None)
    if name is None:
        return b""
    name.restype = ctypes.c_char_p
    return name()


#: Source for what is known here of the interpreter: CPython 3.11 to 3.14, Objects/obmalloc.c. Of libcs glibc alone is known, and
#: it alone has malloc_trim
SUPPORTED = (sys.implementation.name == "cpython" and sys.version_info < (3, 15) and sys.maxsize > 2**32
             and "t" not in sys.abiflags and _allocator() == b"pymalloc" and hasattr(_libc, "malloc_trim"))
#: the interpreter's allocator has pools of objects of one size, which are multiples of 16
_POOL, _POOL_HEADER, _LARGEST = 16384, 48, 512
#: libc's has one heap for pieces up to this size, and none is smaller than the second
_HEAP_LARGEST, _HEAP_SMALLEST = 120_000, 24
#: an allocator that is not what it is taken for is not asked for ever
_PATIENCE = 100_000

#: what fills the gaps, of the interpreter and of libc
_filling: list[object] = []
_chunks: list[int] = []

_libc.sbrk.argtypes, _libc.sbrk.restype = (ctypes.c_ssize_t,), ctypes.c_void_p
_libc.malloc.argtypes, _libc.malloc.restype = (ctypes.c_size_t,), ctypes.c_void_p
_libc.free.argtypes = (ctypes.c_void_p,)


def code_run_by(work: Callable[[], object]) -> frozenset[int]:
    """Ids of the code of all functions that run while some work is done: in a fork, whose own first steps count as well."""
    reader, writer = os.pipe2(os.O_CLOEXEC)
    ran: set[int] = set()

    def note(frame: FrameType, event: str, argument: object) -> None:
        ran.add(id(frame.f_code))

    sys.setprofile(note)
    pid = os.fork()
    if pid == 0:
        try:
            work()
        finally:
            sys.setprofile(None)
            os.write(writer, array("Q", ran))
            os._exit(0)
    sys.setprofile(None)
    os.close(writer)
    with open(reader, "rb") as pipe:
        ids = array("Q", pipe.read())
    os.waitpid(pid, 0)
    return frozenset(ids)


def move_together(codes: Collection[int], modules: Collection[str] = ()) -> None:
    """Give the code with these ids, and all code of some modules, new places one behind the other."""
    if not SUPPORTED:
        return
    functions = [each for each in gc.get_objects() if isinstance(each, FunctionType)
                 and (id(each.__code__) in codes or each.__module__ in modules)]
    for function in functions:
        _unfold(function.__code__)
    fill_gaps()
    mover = threading.Thread(target=_move, args=(functions,))  # to a thread libc gives a heap of its own
    mover.start()
    mover.join()


def _unfold(code: CodeType) -> int:
    """Have the interpreter make what copies are made from, or it would lie between them."""
    return len(code.co_code) + sum(_unfold(each) for each in code.co_consts if isinstance(each, CodeType))


def _move(functions: list[FunctionType]) -> None:
    """What is given up is freed at the end, or copies would fill the gaps that it leaves."""
    copies: dict[CodeType, CodeType] = {}
    for function in functions:
        code = function.__code__
        function.__code__ = copies[code] = copies.get(code) or _copy(code)


def _copy(code: CodeType) -> CodeType:
    return code.replace(co_consts=tuple(_copy(each) if isinstance(each, CodeType) else each for each in code.co_consts))


def fill_gaps() -> None:
    """What is allocated from now on lies together, behind what exists."""
    if not SUPPORTED:
        return
    open_gaps()
    numbers = itertools.count(1 << 40)
    _fill_pools(lambda size: next(numbers), 32)
    for size in range(_POOL_HEADER, _LARGEST + 1, 16):
        _fill_pools(lambda size: bytes(size - sys.getsizeof(b"")), size)
    end, size = _libc.sbrk(0), _HEAP_LARGEST
    while size >= _HEAP_SMALLEST:
        while (address := _libc.malloc(size)) < end and len(_chunks) < _PATIENCE:
            _chunks.append(address)
        _libc.free(address)
        size = size - 16 if size < 2048 else size * 3 // 4


def open_gaps() -> None:
    """Free what fills the gaps: for much that is new and stays, as a configuration."""
    if not SUPPORTED:
        return
    _filling.clear()
    for address in _chunks:
        _libc.free(address)
    _chunks.clear()
    _libc.malloc_trim(0)


def _fill_pools(make: Callable[[int], object], size: int) -> None:
    """Until a fresh pool is begun, which holds nothing yet but this and the number that is its address. The count of its objects
    is the first word of a pool."""
    for _ in range(_PATIENCE):
        _filling.append(thing := make(size))
        if ctypes.c_uint32.from_address(id(thing) // _POOL * _POOL).value <= 3:
            return
