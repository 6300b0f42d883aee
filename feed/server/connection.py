"""Adapter of the `websockets` library: its undocumented parts are used here and nowhere else.

The library does the opening handshake, parses and checks frames, answers pings and closes. We take messages from it
as they are parsed, without its queue and a reading task, and write data frames past it, so that one frame serves all.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import struct
import sys
from collections.abc import Callable, Sequence
from typing import Any, Protocol

from websockets.asyncio.server import ServerConnection
from websockets.extensions.permessage_deflate import PerMessageDeflate, ServerPerMessageDeflateFactory
from websockets.frames import Frame, Opcode
from websockets.http11 import Request
from websockets.protocol import OPEN, Event

from feed.dialects.base import Dialect
from feed.faults.fault import Fault
from feed.market.hosted import HostedMarket
from feed.protocol.requests import Subscribe
from feed.server.query import Connect
from feed.units import MICROSECOND, MILLISECOND

__all__ = ["DEFLATE", "FeedConnection", "PeerPort", "is_utf8"]

DEFLATE = ServerPerMessageDeflateFactory(server_no_context_takeover=True, client_no_context_takeover=True)
"""Compression without context takeover: one copy of a message fits all connections, and memory does not grow."""

MAX_UNSENT = 16 * 1024
"""Bytes kept by the kernel for a reader that wants only the newest data: bytes there can't be replaced any more."""


CLOSE_FIN = 0x88
"""First byte of a close frame."""

MIN_RTT = 148
"""Offset of the shortest round trip in `struct tcp_info` of linux/tcp.h, a 32-bit number of microseconds."""

FAR_AWAY = 100 * MILLISECOND
"""The assumed round trip if the kernel cannot report it, ns."""


class PeerPort(Protocol):
    """Callbacks of a connection to the peer that uses it."""

    def message(self, payload: bytes) -> None:
        """Handle a whole text message."""

    def binary(self) -> None:
        """Handle a binary message."""

    def fragmented(self, fragments: int) -> None:
        """Handle the number of fragments that an unfinished message has so far."""

    def ping(self) -> None:
        """Handle a ping frame that has been answered."""

    def pong(self, payload: bytes) -> None:
        """Handle a pong frame."""

    def control(self, frame: bytes) -> bool:
        """Return True if a ping, pong or close frame of the library may be sent as it is."""

    def paused(self) -> None:
        """Note that unsent bytes wait."""

    def resumed(self) -> None:
        """Note that no unsent bytes wait any more."""

    def closing(self) -> None:
        """Note that a close frame has been sent: nothing may follow it."""

    def failed(self) -> None:
        """Handle an error raised by a callback."""

    def lost(self) -> None:
        """Handle the loss of the TCP connection."""


class FeedConnection(ServerConnection):
    """Connection that hands its frames to a peer.

    Args:
        request_timeout: seconds until a request has to be there.
        dialect: the dialect of the port, if it has one.
    """

    def __init__(self, *args: Any, request_timeout: float, dialect: Dialect | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.dialect = dialect
        self._request_timeout = request_timeout
        self._alarm: asyncio.TimerHandle | None = None
        self.peer: PeerPort | None = None
        self.wishes = Connect()
        # Set by the server before the handshake is answered.
        self.hosted: HostedMarket
        self.ordinal = 0
        self.label = ""
        self.faults: Sequence[Fault] = ()
        self.answers_wrongly = False
        self.wanted: tuple[Subscribe, ...] = ()
        self._early: list[Frame] = []
        self._fragments: list[bytes] | None = None
        self._binary = False

    def attach(self, peer: PeerPort) -> None:
        """Pass incoming frames to `peer`, beginning with those that arrived right after the handshake."""
        self.peer = peer
        # They take a fifth of the memory of an idle connection, and are not needed any more.
        self.request = self.response = None
        early, self._early = self._early, []
        for frame in early:
            self._frame(peer, frame)

    @property
    def descriptor(self) -> int | None:
        """The socket's descriptor, if frames may be written to it as to a file; None under TLS, and on Windows."""
        if os.name == "nt" or self.transport.get_extra_info("sslcontext") is not None:
            return None
        sock = self.transport.get_extra_info("socket")
        return None if sock is None else int(sock.fileno())

    @property
    def deflate(self) -> bool:
        """True if compressed frames may be sent."""
        return any(isinstance(extension, PerMessageDeflate) for extension in self.protocol.extensions)

    @property
    def goodbye(self) -> tuple[str, int, str]:
        """The side that ended the connection (`client`, `server`, else `network`), the code and the reason."""
        protocol = self.protocol
        heard, said = protocol.close_rcvd, protocol.close_sent
        if heard is not None and (protocol.close_rcvd_then_sent or said is None):
            return "client", int(heard.code), heard.reason
        if said is not None:
            return "server", int(said.code), said.reason
        return "network", 1006, "the connection was cut"

    # Wire of an outbox.

    def write(self, data: bytes) -> None:
        """Send framed bytes; bytes that the socket does not take wait."""
        if self.protocol.state is OPEN and not self.transport.is_closing():
            self.transport.write(data)

    def waiting(self) -> int:
        """Return the number of unsent bytes."""
        return self.transport.get_write_buffer_size()

    # Operations for a peer.

    def keep_fresh(self) -> None:
        """Limit the unsent bytes that the kernel keeps for the reader, if the kernel supports it."""
        option = getattr(socket, "TCP_NOTSENT_LOWAT", None)
        sock = self.transport.get_extra_info("socket")
        if option is not None and sock is not None:
            sock.setsockopt(socket.IPPROTO_TCP, option, MAX_UNSENT)

    def round_trip(self) -> int:
        """Return the shortest network round trip, ns, from the kernel if it reports it; else a guess."""
        sock = self.transport.get_extra_info("socket")
        option = getattr(socket, "TCP_INFO", None)
        if option is None or sock is None or sys.platform != "linux":
            return FAR_AWAY
        with contextlib.suppress(OSError):
            info = sock.getsockopt(socket.IPPROTO_TCP, option, MIN_RTT + 4)
            if len(info) == MIN_RTT + 4:
                return int.from_bytes(info[MIN_RTT:], sys.byteorder) * MICROSECOND
        return FAR_AWAY

    def probe(self, payload: bytes) -> None:
        """Send a ping frame; any sign of life answers it."""
        if self.protocol.state is OPEN:
            self.protocol.send_ping(payload)
            self.send_data()

    def say_close(self, code: int, reason: str) -> None:
        """Send a close frame, unless one has been sent. The TCP connection goes when the client has answered."""
        if self.protocol.state is OPEN:
            self.protocol.send_close(code, reason)
            self.send_data()

    def cut(self, how: str, code: int, reason: str) -> None:
        """End the connection by a TCP reset, a close frame, or the end of the stream; or leave it alone (`vanish`)."""
        if how == "reset":
            self.reset()
        elif how == "close":
            self.say_close(code, reason)
        elif how == "end":
            self.transport.close()
        else:
            self.transport.pause_reading()

    def drop(self) -> None:
        """End the TCP connection at once, and with it what waits to be sent."""
        self.transport.abort()

    def reset(self) -> None:
        """Break the TCP connection: the client sees a reset and no close frame."""
        sock = self.transport.get_extra_info("socket")
        if sock is not None:
            # A socket that does not linger says RST and not FIN when it is closed.
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.transport.abort()

    # Callbacks of the library.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Handle the new TCP connection."""
        super().connection_made(transport)
        self._alarm = self.loop.call_later(self._request_timeout, self.drop)

    def process_event(self, event: Event) -> None:
        """Take a parsed frame, or the handshake's request."""
        if isinstance(event, Request) or not isinstance(event, Frame):
            self._stop_alarm()
            super().process_event(event)
        elif self.peer is None:
            self._early.append(event)
        else:
            self._frame(self.peer, event)

    def send_data(self) -> None:
        """Send the library's pending bytes, and leave the fan-out once they include a close frame."""
        if self.peer is not None and self.protocol.writes:
            self._hold_back(self.peer)
        super().send_data()
        if self.peer is not None and self.protocol.state is not OPEN:
            self.peer.closing()

    def _hold_back(self, peer: PeerPort) -> None:
        """Take out the control frames that may not be sent as they are; the end of the stream follows a close frame."""
        left: list[bytes] = []
        for data in self.protocol.data_to_send():
            if data and not peer.control(data):
                if data[0] == CLOSE_FIN:
                    break
                continue
            left.append(data)
        self.protocol.writes[:0] = left

    def pause_writing(self) -> None:
        """Inform the peer that unsent bytes wait."""
        super().pause_writing()
        if self.peer is not None:
            self.peer.paused()

    def resume_writing(self) -> None:
        """Inform the peer that no unsent bytes wait any more."""
        super().resume_writing()
        if self.peer is not None:
            try:
                self.peer.resumed()
            except Exception:
                self.peer.failed()

    def connection_lost(self, exc: Exception | None) -> None:
        """Handle the loss of the TCP connection."""
        self._stop_alarm()
        if self.peer is not None:
            self.peer.lost()
            self.peer = None
        super().connection_lost(exc)

    def _stop_alarm(self) -> None:
        if self._alarm is not None:
            self._alarm.cancel()
            self._alarm = None

    def _frame(self, peer: PeerPort, frame: Frame) -> None:
        if self.protocol.state is not OPEN:
            return
        handle = _HANDLERS.get(frame.opcode)
        if handle is not None:
            try:
                handle(self, peer, frame)
            except Exception:  # It belongs to this connection, and not to the event loop.
                peer.failed()

    def _text_or_binary(self, peer: PeerPort, frame: Frame) -> None:
        self._binary = frame.opcode is Opcode.BINARY
        if not frame.fin:
            self._fragments = [bytes(frame.data)]
        elif self._binary:
            peer.binary()
        else:
            peer.message(bytes(frame.data))

    def _continuation(self, peer: PeerPort, frame: Frame) -> None:
        if self._fragments is None:
            return
        self._fragments.append(bytes(frame.data))
        peer.fragmented(len(self._fragments))
        if not frame.fin:
            return
        payload, self._fragments = b"".join(self._fragments), None
        if self._binary:
            peer.binary()
        else:
            peer.message(payload)

    def _ping(self, peer: PeerPort, frame: Frame) -> None:
        del frame
        peer.ping()

    def _pong(self, peer: PeerPort, frame: Frame) -> None:
        peer.pong(bytes(frame.data))


_HANDLERS: dict[Opcode, Callable[[FeedConnection, PeerPort, Frame], None]] = {
    Opcode.TEXT: FeedConnection._text_or_binary,
    Opcode.BINARY: FeedConnection._text_or_binary,
    Opcode.CONT: FeedConnection._continuation,
    Opcode.PING: FeedConnection._ping,
    Opcode.PONG: FeedConnection._pong,
}


def is_utf8(payload: bytes) -> bool:
    """Return True if the bytes of a text message are valid UTF-8."""
    try:
        payload.decode()
    except UnicodeDecodeError:
        return False
    return True
