"""Recorder of a server of ours from the wire, across any number of connections."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from feed.client.happenings import Connected, Disconnected, Frame
from feed.client.link import ClientLink
from feed.client.progress import stream_of
from feed.client.recording import WireRecording
from feed.clock import Clock
from feed.errors import SubscriptionError
from feed.protocol.effects import Stream
from feed.tape.wire import FrameRows, facts_of

__all__ = ["FeedRecording"]


class FeedRecording(WireRecording):
    """Recorder of a server of ours, until it says that reconnecting is pointless or the market has ended.

    Args:
        link: the connection, with its subscriptions.
        path: the recording to write.
        clock: the clock of the link.
    """

    def __init__(self, link: ClientLink, path: Path, clock: Clock) -> None:
        super().__init__(link.url, path, clock)
        self._link = link
        self._rows = FrameRows()
        self._ended = False
        # The last seq of each stream whose message is in the recording.
        self._seqs: dict[Stream, int] = {}

    async def run(self) -> None:
        """Record. What waits unread when it is cancelled is recorded, too.

        Raises:
            ConnectError: no server answers.
            SubscriptionError: the server refuses a channel or a symbol.
        """
        try:
            while (happening := await self._link.pull()) is not None:
                if isinstance(happening, Connected):
                    self._connected()
                elif isinstance(happening, Disconnected):
                    self._disconnected(happening.reason, happening.code, happening.retry_in)
                elif self._take(happening):
                    return
                else:
                    await self._breathe()
        except asyncio.CancelledError:
            async for frame in self._link.rest():
                self._take(frame)
            raise
        finally:
            await self._link.close()

    def _take(self, frame: Frame) -> bool:
        """Record a frame; return whether it was the last one."""
        counters, body = self.counters, frame.body
        counters.messages += 1
        counters.size += len(frame.payload)
        for gap in frame.gaps:
            if gap.count is None:
                self._seqs.pop(gap.stream, None)
                self._note(f"{gap.stream.key} began anew behind seq {gap.after}: {gap.reason}")
            else:
                self._seqs[gap.stream] = gap.after + gap.count
                self._gap(gap.stream.key, gap.after, gap.after + gap.count + 1, gap.count, gap.reason)
        if frame.event == "data":
            counters.data += 1
            self._check(body)
        self.writer.add_message(self._rows.row(frame.payload, body, self._wall(frame.received)))
        if frame.event == "error":
            raise SubscriptionError(f"the server answers: {body.get('message')}: {body.get('code')} {body.get('hint')}")
        if frame.event == "status":
            self.writer.tell(**facts_of(body))
        if frame.event in ("status", "market"):
            self._ended = body.get("state") == "ended"
        # Nothing has come for a while, and nothing more will.
        return self._ended and frame.event == "heartbeat"

    def _check(self, body: dict[str, Any]) -> None:
        """Record the messages in place of which a slow reader gets a newer one: a client needs no other, we do."""
        seq = body.get("seq")
        if not isinstance(seq, int):
            return
        stream, whole = stream_of(body), body.get("type") == "snapshot"
        last = self._seqs.get(stream)
        if last is not None and seq > last + (not whole):
            # A snapshot stands for the message of its number, which is lost as well.
            missing = seq - last - (not whole)
            reason = "a snapshot came in their place" if whole else "only the newest one came"
            self._gap(stream.key, last, last + missing + 1, missing, f"this recorder was too slow: {reason}")
        if last is None or seq > last:
            self._seqs[stream] = seq
