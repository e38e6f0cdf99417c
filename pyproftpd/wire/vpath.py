"""Virtual paths: the algebra of the names that a client uses. Pure text, never touches a disk.

A virtual path is absolute, rooted at ``/`` (the root the client sees), without empty, ``.`` or ``..`` components and
without a final slash. ``..`` above the root stays at the root, as in the kernel.
"""

from __future__ import annotations

#: longest path a client may name, in characters; PATH_MAX of Linux, counted before the kernel is asked
MAX_PATH = 4096


class BadPath(ValueError):
    """A name that no file can have: it holds NUL, or is longer than any path may be."""


def check(path: str) -> None:
    """Raises :class:`BadPath` for text that cannot name a file."""
    if "\0" in path:
        raise BadPath("path holds a NUL byte")
    if len(path) > MAX_PATH:
        raise BadPath("path is too long")


def normalise(path: str) -> str:
    """The virtual path of an absolute name: one leading slash, ``.`` and ``..`` resolved by text alone."""
    if "//" not in path and "/." not in path:
        return path.rstrip("/") or "/"
    parts: list[str] = []
    for part in path.split("/"):
        if part == "..":
            if parts:
                parts.pop()
        elif part and part != ".":
            parts.append(part)
    return "/" + "/".join(parts)


def join(directory: str, name: str) -> str:
    """``name`` seen from the virtual path ``directory``, normalised; an absolute name stands for itself."""
    if name.startswith("/"):
        return normalise(name)
    return normalise(f"{directory}/{name}")


def absolute(path: str, cwd: str, home: str) -> str:
    """What a client means by ``path``: empty is ``cwd``; ``~`` and ``~/x`` begin at ``home``; ``~user`` is a plain name.

    Raises :class:`BadPath`.
    """
    if path[:1] == "/" and path[-1] != "/" and len(path) <= MAX_PATH and not ("//" in path or "/." in path or "\0" in path):
        return path
    check(path)
    if path == "~" or path.startswith("~/"):
        return normalise(f"{home}/{path[2:]}")
    return join(cwd, path) if path else cwd


def split(path: str) -> tuple[str, str]:
    """(directory, last component) of a virtual path; the root has the name ``.`` in itself."""
    directory, _, name = path.rpartition("/")
    return directory or "/", name or "."


def within(path: str, directory: str) -> bool:
    """Is ``path`` the directory itself or below it? Both normalised."""
    return directory == "/" or path == directory or path.startswith(directory + "/")


def outside(chroot: str, path: str) -> str:
    """The name outside of a chroot of a path inside it; ``chroot`` is ``""`` for none."""
    if not chroot or chroot == "/":
        return path
    return chroot if path == "/" else chroot + path


def inside(chroot: str, path: str) -> str:
    """What a link's text means within a chroot: an absolute one that names a place below the chroot loses that prefix.

    Any other text stays as it is. Source: real server, READLINK under DefaultRoot.
    """
    if not chroot or chroot == "/" or not within(path, chroot):
        return path
    return path[len(chroot):] or "/"
