"""What ``ps`` shows of a process; without the setproctitle package nothing is shown and nothing fails."""

from __future__ import annotations

from collections.abc import Callable
from importlib.machinery import PathFinder
from importlib.util import find_spec, module_from_spec

#: longest title; ps cuts long ones anyway, and a client chooses parts of it
MAX_TITLE = 256


def title_setter() -> Callable[[str], None]:
    """The function that sets the title of the calling process; imported late, since only a daemon needs it."""
    try:
        setproctitle = _compiled() or _imported()
    except ImportError:
        return lambda title: None

    shown = ""

    def set_title(title: str) -> None:
        nonlocal shown
        if title == shown:
            return
        shown = title
        text = title[:MAX_TITLE].encode("utf-8", "replace").decode()
        if not text.isprintable():
            text = "".join(char if char.isprintable() else "?" for char in text)
        setproctitle(text)

    return set_title


def _compiled() -> Callable[[str], None] | None:
    """The package's compiled part without its face, which imports ``logging``: that puts its locks in order at each fork, and
    costs every session a dozen pages."""
    package = find_spec("setproctitle")
    places = package.submodule_search_locations if package is not None else None
    spec = PathFinder.find_spec("_setproctitle", places) if places else None
    if spec is None or spec.loader is None:
        return None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    setter: Callable[[str], None] = module.setproctitle
    return setter


def _imported() -> Callable[[str], None]:
    from setproctitle import setproctitle

    return setproctitle
