"""Who answers a PAM stack where no client does: a password that is known already, or nobody."""

from __future__ import annotations

from collections.abc import Sequence

from pyproftpd.unix.pam import Code, Conversation, Message, PamError, Style


def password(known: bytes) -> Conversation:
    """Answers each hidden prompt with one password, as a client that knows only a password can.

    A stack that asks a visible question cannot be served this way and fails.
    """
    def converse(messages: Sequence[Message]) -> list[bytes | None]:
        _only_passwords(messages)
        return [known if message.asks else None for message in messages]
    return converse


def change(old: bytes, new: bytes, heard: list[str]) -> Conversation:
    """Answers the questions of a password change: the present password where a prompt names it, else the new one.

    Modules ask in English here, as nothing sets their locale: ``Current password:``, ``(current) UNIX password:``,
    ``New password:``. What they complain of (``BAD PASSWORD: ...``) goes to ``heard``. A prompt that is taken for the wrong
    one gets a wrong answer, and nothing is changed.
    """
    def converse(messages: Sequence[Message]) -> list[bytes | None]:
        _only_passwords(messages)
        heard.extend(message.text for message in messages if message.style == Style.ERROR_MSG)
        return [(old if _names_present(message.text) else new) if message.asks else None for message in messages]
    return converse


def silent(messages: Sequence[Message]) -> list[bytes | None]:
    """For account and session phases of a login by key: text is dropped, a question cannot be answered."""
    if any(message.asks for message in messages):
        raise PamError(Code.CONV_ERR, "the PAM service asks a question where nobody can answer")
    return [None for _ in messages]


def _only_passwords(messages: Sequence[Message]) -> None:
    if any(message.style not in (Style.PROMPT_ECHO_OFF, Style.ERROR_MSG, Style.TEXT_INFO) for message in messages):
        raise PamError(Code.CONV_ERR, "the PAM service asks more than a password")


def _names_present(prompt: str) -> bool:
    words = prompt.lower()
    return "current" in words or "old" in words
