"""What ``ps`` shows of a process; without the setproctitle package nothing is shown and nothing fails."""

from __future__ import annotations

from collections.abc import Callable

#: longest title; ps cuts long ones anyway, and a client chooses parts of it
MAX_TITLE = 256


def title_setter() -> Callable[[str], None]:
    """The function that sets the title of the calling process; imported late, since only a daemon needs it."""
    try:
        from setproctitle import setproctitle
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
