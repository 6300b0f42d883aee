"""Encoding of payloads as WebSocket text frames. Server frames are not masked, so one frame fits every connection."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from feed.delivery.deflate import deflated

__all__ = ["deflated_frame", "framed", "frames_in", "payload_of", "ping_frame", "stamped", "text_frame"]

TEXT_FIN = 0x81
PING_FIN = 0x89

RSV1 = 0x40
"""Header bit that marks a compressed message (RFC 7692, 6)."""


def _header(length: int) -> bytes:
    # RFC 6455, 5.2: seven bits of length, or a marker and 16 or 64 bits of it.
    if length < 126:
        return bytes((TEXT_FIN, length))
    if length < 65536:
        return bytes((TEXT_FIN, 126)) + length.to_bytes(2, "big")
    return bytes((TEXT_FIN, 127)) + length.to_bytes(8, "big")


_HEADERS = [_header(length) for length in range(1024)]


def text_frame(payload: bytes) -> bytes:
    """Return one payload as one text frame."""
    length = len(payload)
    return (_HEADERS[length] if length < 1024 else _header(length)) + payload


def ping_frame(payload: bytes) -> bytes:
    """Return a ping frame; the payload has at most 125 bytes."""
    return bytes((PING_FIN, len(payload))) + payload


def framed(payloads: Iterable[bytes], *, deflate: bool = False) -> list[bytes]:
    """Return each payload as a frame, compressed if `deflate` is set and it gets shorter; b"" for an empty payload.

    A payload with line breaks is several messages, each with a frame of its own, for exchanges that spread one change
    over many. JSON text itself has none.
    """
    frames = [_frames(payload) if payload else b"" for payload in payloads]
    return [b"".join(map(deflated_frame, frames_in(frame))) for frame in frames] if deflate else frames


def _frames(payload: bytes) -> bytes:
    return b"".join(map(text_frame, payload.split(b"\n"))) if b"\n" in payload else text_frame(payload)


def stamped(data: bytes, stamp: Callable[[bytes], bytes]) -> bytes:
    """Return joined frames, the payload of each uncompressed text replaced by what `stamp` returns for it."""
    frames = list(frames_in(data))
    return b"".join([text_frame(stamp(payload_of(it))) if it[0] == TEXT_FIN else it for it in frames])


def deflated_frame(frame: bytes) -> bytes:
    """Compress a frame built by this module; return it unchanged if that would not make it shorter."""
    data = deflated(payload_of(frame))
    if data is None:
        return frame
    plain = text_frame(data)
    return bytes((plain[0] | RSV1,)) + plain[1:]


def payload_of(frame: bytes) -> bytes:
    """Return the payload of a frame built by this module."""
    length = frame[1]
    return frame[2 if length < 126 else 4 if length == 126 else 10 :]


def frames_in(data: bytes) -> Iterator[bytes]:
    """Yield each frame of a byte string of joined frames built by this module."""
    at = 0
    while at < len(data):
        length, head = data[at + 1], 2
        if length == 126:
            length, head = int.from_bytes(data[at + 2 : at + 4], "big"), 4
        elif length == 127:
            length, head = int.from_bytes(data[at + 2 : at + 10], "big"), 10
        yield data[at : at + head + length]
        at += head + length
