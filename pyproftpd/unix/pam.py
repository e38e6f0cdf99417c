"""PAM with a conversation of our own: every prompt of a stack can be answered, in order and one by one.

python-pam gives the structures and the constants of libpam. Its own authenticator answers each hidden prompt with one
password and has no chauthtok, so the calls are bound here; where the package is missing, the same few structures are
written out, as they have not changed since Linux-PAM 0.99.

Calls into PAM block the process, and Python's own signal handlers do not run meanwhile. A limit on that time is therefore
set with the kernel: ``limit()`` says how many seconds are left, and SIGALRM in its default disposition ends the process
when they are over. Inside the conversation the limit is off, as the session's own loop and timers run there.
"""

from __future__ import annotations

import contextlib
import ctypes
import enum
import os
import signal
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from pyproftpd.api.auth import Verdict

try:
    from pam.__internals import PamConv, PamMessage, PamResponse, conv_func
except ImportError:
    class PamMessage(ctypes.Structure):  # type: ignore[no-redef]
        _fields_ = [("msg_style", ctypes.c_int), ("msg", ctypes.c_char_p)]

    class PamResponse(ctypes.Structure):  # type: ignore[no-redef]
        _fields_ = [("resp", ctypes.c_char_p), ("resp_retcode", ctypes.c_int)]

    conv_func = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_int, ctypes.POINTER(ctypes.POINTER(PamMessage)),
                                 ctypes.POINTER(ctypes.POINTER(PamResponse)), ctypes.c_void_p)

    class PamConv(ctypes.Structure):  # type: ignore[no-redef]
        _fields_ = [("conv", conv_func), ("appdata_ptr", ctypes.c_void_p)]

#: Bounds of <security/_pam_types.h>: an answer with its final NUL, messages of one call.
MAX_RESPONSE = 512
MAX_MESSAGES = 32
#: Seconds that a stack has to come back when the limit passed in a conversation, so that the session can say why it ends.
UNWINDING = 3.0
#: Where libpam looks for the file of a service, in its order.
SERVICE_DIRECTORIES = ("/etc/pam.d", "/usr/lib/pam.d", "/usr/share/pam.d", "/usr/etc/pam.d")
_PAM_CONF = "/etc/pam.conf"
#: soname since Linux-PAM 0.x; find_library would run ldconfig and a compiler in every session to learn it
_LIBPAM = "libpam.so.0"

_SILENT = 0x8000
_ESTABLISH_CRED, _DELETE_CRED = 0x2, 0x4
_CHANGE_EXPIRED_AUTHTOK = 0x20
_DISALLOW_NULL_AUTHTOK = 0x1


class Style(enum.IntEnum):
    """What a module wants with a message. RADIO and BINARY are Linux's own and rare."""

    PROMPT_ECHO_OFF = 1
    PROMPT_ECHO_ON = 2
    ERROR_MSG = 3
    TEXT_INFO = 4
    RADIO_TYPE = 5
    BINARY_PROMPT = 7


class Item(enum.IntEnum):
    """Items of a handle that we set or read."""

    SERVICE = 1
    USER = 2
    TTY = 3
    RHOST = 4
    RUSER = 8


class Code(enum.IntEnum):
    """Return values of libpam."""

    SUCCESS = 0
    OPEN_ERR = 1
    SYMBOL_ERR = 2
    SERVICE_ERR = 3
    SYSTEM_ERR = 4
    BUF_ERR = 5
    PERM_DENIED = 6
    AUTH_ERR = 7
    CRED_INSUFFICIENT = 8
    AUTHINFO_UNAVAIL = 9
    USER_UNKNOWN = 10
    MAXTRIES = 11
    NEW_AUTHTOK_REQD = 12
    ACCT_EXPIRED = 13
    SESSION_ERR = 14
    CRED_UNAVAIL = 15
    CRED_EXPIRED = 16
    CRED_ERR = 17
    CONV_ERR = 19
    AUTHTOK_ERR = 20
    AUTHTOK_LOCK_BUSY = 22
    TRY_AGAIN = 24
    IGNORE = 25
    ABORT = 26
    AUTHTOK_EXPIRED = 27
    MODULE_UNKNOWN = 28


_VERDICTS: dict[int, Verdict] = {
    Code.SUCCESS: Verdict.OK,
    Code.USER_UNKNOWN: Verdict.NO_USER,
    Code.AUTH_ERR: Verdict.BAD_PASSWORD,
    Code.CRED_INSUFFICIENT: Verdict.BAD_PASSWORD,
    Code.MAXTRIES: Verdict.BAD_PASSWORD,
    Code.NEW_AUTHTOK_REQD: Verdict.EXPIRED,
    Code.CRED_EXPIRED: Verdict.EXPIRED,
    Code.AUTHTOK_EXPIRED: Verdict.EXPIRED,
    Code.ACCT_EXPIRED: Verdict.ACCOUNT_EXPIRED,
    Code.PERM_DENIED: Verdict.DISABLED,
}


@dataclass(frozen=True, slots=True)
class Message:
    """One message of a module to the user; text and errors want no answer."""

    style: int
    text: str

    @property
    def asks(self) -> bool:
        return self.style in (Style.PROMPT_ECHO_OFF, Style.PROMPT_ECHO_ON)


#: messages in, one answer for each out (``None`` where none is asked); an exception ends the PAM call and is raised anew
Conversation = Callable[[Sequence[Message]], Sequence["bytes | bytearray | None"]]


class PamError(Exception):
    """PAM said no, or could not say. ``text`` is libpam's own wording, fit for a log."""

    def __init__(self, code: int, text: str) -> None:
        self.code, self.text = code, text
        super().__init__(text)

    @property
    def verdict(self) -> Verdict:
        """Anything that is not a plain answer refuses (failing closed)."""
        return _VERDICTS.get(self.code, Verdict.REFUSED)

    @property
    def name(self) -> str:
        """``PAM_AUTH_ERR`` and its like."""
        return f"PAM_{Code(self.code).name}" if self.code in Code._value2member_map_ else f"PAM error {self.code}"


def available() -> bool:
    """Is there a libpam to call?"""
    try:
        ctypes.CDLL(_LIBPAM)
    except OSError:
        return False
    return True


def service_exists(service: str) -> bool:
    """Does an administrator's file exist for the service? Without one libpam falls back to ``other``, whose rules
    nobody wrote for us: that must be a refusal, not a guess."""
    if not service or "/" in service:
        return False
    name = service.lower()
    if any(os.path.isdir(directory) for directory in SERVICE_DIRECTORIES):
        return any(os.path.isfile(os.path.join(directory, name)) for directory in SERVICE_DIRECTORIES)
    try:
        with open(_PAM_CONF, encoding="utf-8", errors="replace") as lines:
            return any(line.split(None, 1)[:1] == [name] for line in lines)
    except OSError:
        return False


class _Libraries:
    """Prototypes of the calls, bound once per handle; the loader keeps libpam itself loaded."""

    def __init__(self) -> None:
        self.libc = ctypes.CDLL(None)
        self.libc.calloc.restype = ctypes.c_void_p
        self.libc.calloc.argtypes = [ctypes.c_size_t, ctypes.c_size_t]
        self.libc.free.argtypes = [ctypes.c_void_p]
        pam = self.pam = ctypes.CDLL(_LIBPAM)
        handle = ctypes.c_void_p
        pam.pam_start.argtypes = [ctypes.c_char_p, ctypes.c_char_p, ctypes.POINTER(PamConv), ctypes.POINTER(handle)]
        pam.pam_end.argtypes = [handle, ctypes.c_int]
        pam.pam_set_item.argtypes = [handle, ctypes.c_int, ctypes.c_char_p]
        pam.pam_get_item.argtypes = [handle, ctypes.c_int, ctypes.POINTER(ctypes.c_char_p)]
        pam.pam_strerror.argtypes, pam.pam_strerror.restype = [handle, ctypes.c_int], ctypes.c_char_p
        pam.pam_getenvlist.argtypes, pam.pam_getenvlist.restype = [handle], ctypes.POINTER(ctypes.c_void_p)
        for call in ("authenticate", "acct_mgmt", "chauthtok", "setcred", "open_session", "close_session"):
            getattr(pam, f"pam_{call}").argtypes = [handle, ctypes.c_int]


class PamHandle:
    """One PAM transaction. The caller holds root around every call; every failure raises :class:`PamError`.

    ``limit`` gives the seconds that may still pass inside libpam, ``None`` for no limit.
    """

    def __init__(self, service: str, user: str, conversation: Conversation, *, rhost: str = "", tty: str = "",
                 ruser: str = "", limit: Callable[[], float | None] = lambda: None) -> None:
        self._handle = ctypes.c_void_p()
        self._raised: BaseException | None = None
        self._limit, self.conversation = limit, conversation
        self._status = int(Code.SUCCESS)
        self._session_open = False
        if not service_exists(service):
            raise PamError(Code.SERVICE_ERR, f"PAM service '{service}' has no file in {SERVICE_DIRECTORIES[0]}")
        try:
            self._lib = _Libraries()
        except OSError as error:
            raise PamError(Code.OPEN_ERR, f"libpam cannot be loaded: {error}") from None
        # kept for as long as the handle: libpam calls into them
        self._callback = conv_func(self._converse)
        self._conv = PamConv(self._callback, None)
        status = self._lib.pam.pam_start(_c_text(service), _c_text(user), ctypes.byref(self._conv),
                                         ctypes.byref(self._handle))
        if status != Code.SUCCESS or not self._handle:
            self._handle = ctypes.c_void_p()
            raise PamError(status or Code.SYSTEM_ERR, f"PAM service '{service}' cannot be started")
        for item, value in ((Item.RHOST, rhost), (Item.TTY, tty), (Item.RUSER, ruser)):
            if value:
                self._check(self._lib.pam.pam_set_item(self._handle, item, _c_text(value)))

    def authenticate(self, *, allow_empty: bool = False) -> None:
        self._call("authenticate", 0 if allow_empty else _DISALLOW_NULL_AUTHTOK)

    def account(self) -> None:
        """May this user log in now. Raises: PamError with NEW_AUTHTOK_REQD where the password must be changed first."""
        self._call("acct_mgmt", _DISALLOW_NULL_AUTHTOK)

    def change_password(self, *, expired_only: bool = True) -> None:
        self._call("chauthtok", _CHANGE_EXPIRED_AUTHTOK if expired_only else 0)

    def set_credentials(self) -> None:
        self._call("setcred", _ESTABLISH_CRED)

    def delete_credentials(self) -> None:
        self._call("setcred", _DELETE_CRED | _SILENT)

    def open_session(self) -> None:
        self._call("open_session", 0)
        self._session_open = True

    def close_session(self) -> None:
        """Does nothing where none is open."""
        if self._session_open:
            self._session_open = False
            self._call("close_session", _SILENT)

    def user(self) -> str:
        """Name of the user as the stack sees it now; a module may have changed it."""
        value = ctypes.c_char_p()
        self._check(self._lib.pam.pam_get_item(self._live(), Item.USER, ctypes.byref(value)))
        return os.fsdecode(value.value or b"")

    def environment(self) -> dict[str, str]:
        """What the modules want in the environment of the session (pam_env, pam_systemd...)."""
        table = self._lib.pam.pam_getenvlist(self._live())
        found: dict[str, str] = {}
        if not table:
            return found
        index = 0
        while table[index]:
            name, _, value = os.fsdecode(ctypes.string_at(table[index])).partition("=")
            found[name] = value
            self._lib.libc.free(table[index])
            index += 1
        self._lib.libc.free(table)
        return found

    def end(self) -> None:
        """Close what is open and release the handle; safe to repeat. Never raises for a module's failure."""
        if not self._handle:
            return
        with contextlib.suppress(PamError):  # the module has said so in syslog; the handle is released all the same
            self.close_session()
        handle, self._handle = self._handle, ctypes.c_void_p()
        self._lib.pam.pam_end(handle, self._status)

    def forget(self) -> None:
        """Another process ends this transaction: this one may not call into it again."""
        self._handle = ctypes.c_void_p()

    def _live(self) -> ctypes.c_void_p:
        if not self._handle:
            raise PamError(Code.SYSTEM_ERR, "PAM transaction has ended")
        return self._handle

    def _call(self, name: str, flags: int) -> None:
        handle = self._live()
        self._raised = None
        with _alarm_ends_us():
            _arm(self._limit())
            status = getattr(self._lib.pam, f"pam_{name}")(handle, flags)
        if self._raised is not None:
            raised, self._raised = self._raised, None
            self._status = status
            raise raised
        self._check(status)

    def _check(self, status: int) -> None:
        self._status = status
        if status != Code.SUCCESS:
            text = self._lib.pam.pam_strerror(self._handle, status) or b"unknown error"
            raise PamError(status, os.fsdecode(text))

    def _converse(self, count: int, messages: Any, responses: Any, _data: Any) -> int:
        """Called by libpam. An exception may not travel through C: it is kept, and raised when the call is back."""
        try:
            if self._raised is not None or not 0 < count <= MAX_MESSAGES:
                return int(Code.CONV_ERR)
            asked = [Message(messages[index].contents.msg_style, os.fsdecode(messages[index].contents.msg or b""))
                     for index in range(count)]
            return self._respond(asked, self._answers(asked), responses)
        except BaseException as error:  # noqa: BLE001 SessionEnd and Abandoned too must unwind through libpam
            self._raised = error
            return int(Code.CONV_ERR)

    def _answers(self, asked: Sequence[Message]) -> Sequence[bytes | bytearray | None]:
        """Have the conversation, without the limit; also where it fails, the modules behind it have theirs again."""
        limited = self._limit() is not None
        _arm(None)
        try:
            return self.conversation(asked)
        finally:
            left = self._limit()
            _arm(UNWINDING if limited and not left else left)

    def _respond(self, asked: Sequence[Message], answers: Sequence[bytes | bytearray | None], responses: Any) -> int:
        """Copy the answers into memory that the module frees; a mutable answer is wiped once copied."""
        if len(answers) != len(asked) or any(_unfit(message, answer)
                                             for message, answer in zip(asked, answers, strict=True)):
            return int(Code.CONV_ERR)
        table = ctypes.cast(self._lib.libc.calloc(len(asked), ctypes.sizeof(PamResponse)), ctypes.POINTER(PamResponse))
        if not table:
            return int(Code.BUF_ERR)
        for index, answer in enumerate(answers):
            if answer is None:
                continue
            memory = self._lib.libc.calloc(len(answer) + 1, 1)
            if not memory:
                self._release(table, index)
                return int(Code.BUF_ERR)
            ctypes.memmove(memory, bytes(answer), len(answer))
            table[index].resp = memory
            if isinstance(answer, bytearray):
                answer[:] = bytes(len(answer))
        responses[0] = table
        return int(Code.SUCCESS)

    def _release(self, table: Any, filled: int) -> None:
        for index in range(filled):
            memory = ctypes.cast(table[index].resp, ctypes.c_void_p).value
            if memory:
                ctypes.memset(memory, 0, len(ctypes.string_at(memory)))
                self._lib.libc.free(memory)
        self._lib.libc.free(table)


def _unfit(message: Message, answer: bytes | bytearray | None) -> bool:
    """A question without an answer, an answer without a question, or one that libpam could not hold."""
    if answer is None:
        return message.asks
    return not message.asks or len(answer) >= MAX_RESPONSE or b"\0" in answer


def _c_text(text: str) -> bytes:
    data = os.fsencode(text)
    if b"\0" in data:
        raise PamError(Code.BUF_ERR, "NUL in a PAM item")
    return data


@contextlib.contextmanager
def _alarm_ends_us() -> Iterator[None]:
    """SIGALRM in its default disposition inside the block, and no alarm left behind it."""
    handler = signal.signal(signal.SIGALRM, signal.SIG_DFL)
    try:
        yield
    finally:
        _arm(None)
        signal.signal(signal.SIGALRM, handler)


def _arm(seconds: float | None) -> None:
    """Let the kernel raise SIGALRM after ``seconds``; ``None`` calls it off. A limit that has passed raises it at once."""
    signal.setitimer(signal.ITIMER_REAL, 0 if seconds is None else max(seconds, 0.001))
