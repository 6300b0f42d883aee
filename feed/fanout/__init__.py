"""The same bytes to many sockets, as fast as Python can.

While nothing waits in a subscriber's own buffer, its socket is written to directly; that is the whole cost of a
delivery. A socket that takes less than everything moves its subscriber to the queued ones, where each write goes
through the subscriber's outbox with its bounds, until that has drained.

Messages are staged, and then flushed. Those who listen to exactly the same groups are one audience: what was staged
for it is joined once, and each of its sockets is written to once, however many messages and streams that is.

A group is lossless or conflated. In a conflated one nothing is kept for those for whom something waits: when they
have drained they get one message that stands for all that they missed, and says how many those were. The same holds
for readers whose socket takes everything but who are slow to answer a question (`feed.fanout.pulse`): they are held.
"""

from __future__ import annotations

from feed.fanout.backlog import Backlog
from feed.fanout.core import Fanout
from feed.fanout.group import Group
from feed.fanout.subscriber import Subscriber

__all__ = ["Backlog", "Fanout", "Group", "Subscriber"]
