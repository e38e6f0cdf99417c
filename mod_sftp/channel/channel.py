"""One channel: windows both ways, what waits on either side, and its end (RFC 4254 5).

Input that cannot be answered now is kept in ``inbox`` and not credited to our window, so that a peer can never make us
hold more than the window we announced (security.md C2). Output that does not fit the peer's window, or comes while keys
change, waits in ``pending``; while anything waits the program is not fed.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Protocol

from mod_sftp.transport.transport import Transport
from mod_sftp.wire.messages import EXTENDED_DATA_STDERR, Msg
from mod_sftp.wire.ssh import boolean, string, u32
from pyproftpd.errors import PeerError

#: largest window that a peer can have with us (RFC 4254 5.2)
MAX_WINDOW = 0xFFFFFFFF
#: longest data of one packet that we send, whatever the peer would take: with headers it stays under the 35,000 bytes
#: that RFC 4253 6.1 makes everybody accept
MAX_DATA = 32 * 1024


class Program(Protocol):
    """What runs on a channel."""

    def feed(self, view: memoryview) -> None:
        """Input. Owner: the channel; the view dies with the call."""
        ...

    def eof(self) -> None:
        """The client sends no more; called after all input was fed."""
        ...

    def ready(self) -> None:
        """Output drained: more may be produced, or the next step of a long work done."""
        ...

    def close(self, failure: str) -> None:
        """The channel is gone, ``failure`` says why; called exactly once."""
        ...


class Channel:
    """``id`` is our number, ``peer`` the client's. ``clock`` is monotonic."""

    def __init__(self, transport: Transport, number: int, peer: int, *, window: int, packet: int, our_window: int,
                 our_packet: int, clock: Callable[[], float]) -> None:
        self.id, self.peer = number, peer
        self.program: Program | None = None
        self._transport, self._clock = transport, clock
        self._crowded, self._join = transport.crowded, transport.join
        #: what the peer lets us send, and in packets of what size
        self._window, self._packet = window, min(packet, MAX_DATA)
        #: what we let the peer send; ``_owed`` was used and not credited again
        self._our_packet, self._credit, self._owed = our_packet, our_window, 0
        self._worth_telling = our_window // 4
        self._pending: deque[bytes] = deque()
        self._inbox: deque[bytes] = deque()
        self._kept = 0
        self._reserved = 0
        self._paused_until = 0.0
        self._status: int | None = None
        self._eof_came = self._eof_told = self._program_closed = False
        #: while a program opens, what it writes waits for the reply to the request that opened it
        self._corked = False
        self._corked_stderr = b""
        self.close_sent = False
        #: the program does a long piece of work, a step at each ``ready``; input waits for its end
        self.working = False
        #: something was told to wait, and ``resume`` has to ask whether it may go on
        self._held_up = False

    # What programs use.

    @property
    def blocked(self) -> bool:
        """Should the program stop taking input? It works, output waits, keys change, or the program is paused."""
        held_up = self._must_wait()
        self._held_up = self._held_up or held_up
        return held_up

    def _must_wait(self) -> bool:
        return (self.working or bool(self._pending) or self._crowded()
                or (self._paused_until > 0.0 and self.paused))

    @property
    def paused(self) -> bool:
        return self._paused_until > 0.0 and self._clock() < self._paused_until

    @property
    def wakes_in(self) -> float | None:
        """Seconds until a pause ends."""
        return self._paused_until - self._clock() if self._paused_until > 0.0 and self.paused else None

    def write(self, data: bytes | memoryview) -> None:
        """Send channel data; what does not fit now waits."""
        if self.close_sent or self._status is not None:
            return
        size = len(data)
        if self._pending or self._corked:
            done = 0
        elif size <= self._window and self._join(self.peer, self._packet, data):
            done = size
            self._window -= size
        else:
            done = self._push(memoryview(data))
        if done < size:
            self._pending.append(bytes(data[done:]))

    def reserve(self, count: int) -> list[memoryview] | None:
        """Places for ``count`` bytes in the outgoing packets, or ``None`` when they cannot all leave now.

        The first place has room for a reply's header. ``commit`` must follow before anything else is sent.
        """
        if self._pending or self._corked or count > self._window or self.close_sent or self._status is not None:
            return None
        places = self._transport.reserve(self.peer, self._packet, count)
        if places is not None:
            self._reserved = count
        return places

    def commit(self, count: int) -> None:
        """``count`` bytes of the reservation were filled, from the front; the rest is given back."""
        if count != self._reserved:
            self._transport.commit(self.peer, self._packet, self._reserved, count)
        self._window -= count

    def extended(self, data: bytes) -> None:
        """Standard error of the program: text of a few lines, cut to the window."""
        if self._corked:
            self._corked_stderr += data
            return
        data = data[:min(self._window, self._packet)]
        if data and not self._ended:
            self._window -= len(data)
            self._transport.send(Msg.CHANNEL_EXTENDED_DATA, u32(self.peer), u32(EXTENDED_DATA_STDERR), string(data))

    def unread(self, view: memoryview) -> None:
        """Give back the end of what is being fed; it comes again before anything else."""
        self._inbox.appendleft(bytes(view))
        self._kept += len(view)

    def pause(self, seconds: float) -> None:
        """Feed nothing for so long (TransferRate, MaxCommandRate)."""
        self._paused_until = max(self._paused_until, self._clock() + seconds)

    def finish(self, status: int = 0) -> None:
        """The program is done: exit-status, EOF and CLOSE follow what still waits."""
        if self._status is None:
            self._status = status
            self._conclude()

    # What the mux uses.

    @property
    def _ended(self) -> bool:
        return self.close_sent or self._status is not None

    def data(self, view: memoryview, size: int) -> None:
        """``size`` bytes of data of the client."""
        if size > self._credit or size > self._our_packet:
            raise PeerError("channel data exceeds the window or packet size that was granted")
        self._credit -= size
        if self.program is None or self.close_sent or self._status is not None:
            self._consumed(size)
        elif self._inbox or self._must_wait():
            self._inbox.append(bytes(view))
            self._kept += size
        else:
            self._feed(view, size)

    def cork(self) -> None:
        """A program is about to open."""
        self._corked = True

    def uncork(self, *, discard: bool = False) -> None:
        """The reply to the request is queued: what the program wrote in the meantime follows it."""
        self._corked = False
        stderr, self._corked_stderr = self._corked_stderr, b""
        if discard:
            self._pending.clear()
            self._status = None
            return
        status, self._status = self._status, None
        self.extended(stderr)
        self._status = status
        self._drain()

    def discard(self, count: int) -> None:
        """Data that nobody takes: it used window all the same."""
        if count > self._credit:
            raise PeerError("channel data exceeds the window that was granted")
        self._credit -= count
        self._consumed(count)

    def adjust(self, count: int) -> None:
        """The client takes ``count`` bytes more; over the largest window the rest is lost (behaviours 113)."""
        self._window = min(MAX_WINDOW, self._window + count)

    def eof(self) -> None:
        self._eof_came = True
        self._tell_eof()

    def resume(self) -> bool:
        """Go on after a hold-up. True when something moved, so that there may be more to do without new input."""
        if not (self._held_up or self.working or self._inbox or self._pending or self._eof_came or self._status is not None):
            return False
        moved = self._drain()
        while self._inbox and not self._ended and not self.blocked:
            kept = self._inbox.popleft()
            self._kept -= len(kept)
            before = self._kept
            self._feed(memoryview(kept), len(kept))
            if self._kept - before == len(kept):
                break
            moved = True
        self._tell_eof()
        working = self.working
        held_up = bool(self._pending) or self._transport.crowded() or self.paused
        self._held_up = held_up
        if self.program is not None and not self._ended and (working or not self._inbox) and not held_up:
            before = self._transport.pending
            self.program.ready()
            moved = moved or working or self._transport.pending != before
        return moved

    def send_close(self) -> None:
        if not self.close_sent:
            self.close_sent = True
            self._pending.clear()
            self._transport.send(Msg.CHANNEL_CLOSE, u32(self.peer))

    def closed(self) -> None:
        """The client closed: nothing more may be sent but our own CLOSE."""
        self.gone("")
        self.send_close()

    def gone(self, failure: str) -> None:
        """Tell the program, once, that its channel is no more."""
        self._inbox.clear()
        self._pending.clear()
        if self.program is not None and not self._program_closed:
            self._program_closed = True
            self.program.close(failure)

    def _feed(self, view: memoryview, size: int) -> None:
        """Credit what the program took; what it gave back lies in the inbox again."""
        assert self.program is not None
        before = self._kept
        self.program.feed(view)
        self._owed += size - (self._kept - before)
        if self._owed >= self._worth_telling:
            self._give_credit()

    def _consumed(self, count: int) -> None:
        self._owed += count
        if self._owed >= self._worth_telling:
            self._give_credit()

    def _give_credit(self) -> None:
        if not self.close_sent:
            self._transport.send(Msg.CHANNEL_WINDOW_ADJUST, u32(self.peer), u32(self._owed))
            self._credit += self._owed
            self._owed = 0

    def _tell_eof(self) -> None:
        if (self._eof_came and not self._eof_told and not self._inbox and not self.working
                and self.program is not None and not self._ended):
            self._eof_told = True
            self.program.eof()

    def _push(self, view: memoryview) -> int:
        """Lay out as much as window and buffer allow."""
        count = min(len(view), self._window, self._transport.capacity(self._packet))
        if count:
            self._transport.data(self.peer, self._packet, view[:count])
            self._window -= count
        return count

    def _drain(self) -> bool:
        moved = False
        while self._pending and not self._transport.full():
            data = self._pending[0]
            done = self._push(memoryview(data))
            moved = moved or done > 0
            if done < len(data):
                self._pending[0] = data[done:]
                break
            self._pending.popleft()
        self._conclude()
        return moved

    def _conclude(self) -> None:
        """Once, when the program is done and everything it wrote is on its way. Source: real server, this order."""
        if self._status is None or self._pending or self._corked or self.close_sent:
            return
        send, peer = self._transport.send, u32(self.peer)
        send(Msg.CHANNEL_REQUEST, peer, string("exit-status"), boolean(False), u32(self._status))
        send(Msg.CHANNEL_EOF, peer)
        self.send_close()
        self.gone("")
