"""Every fault of the catalogue as Chromium and Node's `ws` see it, compared with the ground truth of its market."""

from __future__ import annotations

import json
import tempfile
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from playwright.async_api import Page

from feed.faults.registry import FAULTS
from tests.end_to_end.conftest import Served, calm
from tests.end_to_end.test_clients import Node, browser, node_modules, page

__all__ = ["browser", "calm", "node_modules", "page"]

OBSERVE = """
function observe(one) {
  return new Promise((resolve) => {
    const found = {name: one.name, seen: [], end: null, opened: false, began: Date.now()};
    const finish = () => { clearTimeout(timer); found.ms = Date.now() - found.began; resolve({...found}); };
    const websocket = new WebSocket(one.url);
    websocket.binaryType = "arraybuffer";
    const giveUp = () => { finish(); websocket.close(); };
    // Silence counts once so many data messages have come.
    const wait = (limit) => { clearTimeout(timer); timer = setTimeout(giveUp, limit); };
    let timer = setTimeout(giveUp, 60000), data = 0;
    websocket.onopen = () => {
      found.opened = true;
      if (one.least === 0) wait(one.limit);
      for (const ask of one.asks) websocket.send(JSON.stringify(ask));
    };
    websocket.onmessage = (event) => {
      const isText = typeof event.data === "string";
      const text = isText ? event.data : new TextDecoder().decode(event.data);
      let message = null;
      try { message = JSON.parse(text); } catch (error) { }
      if (message && message.padding) message.padding = message.padding.length;
      found.seen.push({isText, size: text.length, message, ms: Date.now() - found.began});
      if (message && message.event === "data" && ++data >= one.least && one.least > 0) wait(one.limit);
      if (found.seen.length >= one.wants || (message && message.event === one.until)) giveUp();
    };
    websocket.onclose = (event) => {
      found.end = {code: event.code, reason: event.reason, wasClean: event.wasClean};
      finish();
    };
    websocket.onerror = () => { };
  });
}
async function observeAll(cases) {
  const queue = [...cases], found = [];
  const work = async () => { while (queue.length) found.push(await observe(queue.shift())); };
  await Promise.all(Array.from({length: 12}, work));
  return found;
}
"""

SCRIPT = """
const WebSocket = require("ws");
%s
observeAll(JSON.parse(require("fs").readFileSync(%s))).then((found) => {
  process.stdout.write("found " + JSON.stringify(found) + "\\n", () => process.exit(0));
});
"""

TRADING = {"event": "subscribe", "channel": "trading", "symbol": "BTC/USD"}
BOOK = {"event": "subscribe", "channel": "book", "symbol": "BTC/USD"}
PING = {"event": "ping", "id": "p"}


@dataclass
class Sight:
    """What a client has seen of a fault, and what the server says it did."""

    seen: list[dict[str, Any]]
    end: dict[str, Any] | None
    opened: bool
    done: list[dict[str, Any]]
    ms: int

    @property
    def data(self) -> list[dict[str, Any]]:
        """The data messages that were JSON."""
        return [one["message"] for one in self.seen if one["message"] and one["message"].get("event") == "data"]

    @property
    def seqs(self) -> list[int]:
        """Their numbers."""
        return [message["seq"] for message in self.data]

    @property
    def ended(self) -> tuple[int | None, str | None, bool | None]:
        """Code, reason and whether it was clean, if it has ended."""
        end = self.end or {}
        return end.get("code"), end.get("reason"), end.get("wasClean")

    @property
    def events(self) -> Counter[str]:
        """How often each event came."""
        return Counter(one["message"]["event"] for one in self.seen if one["message"] and "event" in one["message"])

    @property
    def struck(self) -> set[int]:
        """The numbers of the messages that the fault struck."""
        return {deed["seq"] for deed in self.done}

    def message(self, seq: int) -> dict[str, Any]:
        """The message of a number."""
        return next(message for message in self.data if message["seq"] == seq)

    def deeds(self, deed: str) -> bool:
        """Whether the fault did this, and nothing else."""
        return bool(self.done) and {each["deed"] for each in self.done} == {deed}


Check = Callable[[Sight], bool]

ABNORMAL = {"code": 1006, "reason": "", "wasClean": False}


def cut_at(seq: int, end: dict[str, Any]) -> Check:
    """Everything up to a message, then this end."""
    return lambda s: all([s.end == end, s.seqs == list(range(1, seq)), s.deeds("cut"), s.struck == {seq}])


def missing(s: Sight) -> set[int]:
    """The numbers that are not there between the first and the last one."""
    return set(range(1, max(s.seqs) + 1)) - set(s.seqs)


def broken(s: Sight) -> bool:
    """Exactly the struck messages are no JSON."""
    bad = sum(one["message"] is None for one in s.seen)
    return s.deeds("changed") and missing(s) == s.struck and bad == len(s.struck)


def changed(change: Callable[[dict[str, Any]], bool]) -> Check:
    """Exactly the struck messages have this change in their data."""

    def check(s: Sight) -> bool:
        having = {message["seq"] for message in s.data if change(message["data"])}
        return s.deeds("changed") and having == s.struck == {5, 6}

    return check


@dataclass
class Case:
    """A fault, what the client does, and what it should see."""

    fault: dict[str, Any]
    check: Check
    asks: list[dict[str, Any]] = field(default_factory=lambda: [TRADING])
    wants: int = 20
    limit: int = 30_000
    """The time in ms after which it stops; with `least`, the length of the silence that it waits for."""

    least: int = 0
    until: str = ""


FIVE = {"seq": 5, "count": 2}

CASES: dict[str, Case] = {
    "drop": Case(FIVE, lambda s: s.deeds("dropped") and missing(s) == s.struck == {5, 6}),
    "duplicate": Case(
        FIVE | {"copies": 2}, lambda s: s.deeds("repeated") and Counter(s.seqs)[5] == Counter(s.seqs)[6] == 3
    ),
    "reorder": Case(
        {"seq": 5, "count": 1, "by": 2}, lambda s: s.deeds("moved") and s.seqs[:8] == [1, 2, 3, 4, 6, 7, 5, 8]
    ),
    "delay": Case(
        {"seq": 5, "by": "300ms"},
        lambda s: all(
            [s.deeds("delayed"), all(each["ms"] == 300 for each in s.done), s.seqs[:9] == list(range(1, 10))]
        ),
    ),
    "hold": Case(
        {"seq": 5, "count": 6, "burst": 6},
        lambda s: all([s.deeds("held"), s.struck == set(range(5, 11)), s.seqs == sorted(s.seqs)]),
    ),
    "stale": Case(
        FIVE,
        lambda s: all(
            [
                s.deeds("changed"),
                s.message(5)["data"] == s.message(6)["data"] == s.message(4)["data"] != s.message(7)["data"],
            ]
        ),
    ),
    "skip-seq": Case(
        {"seq": 5, "count": 1, "by": 10}, lambda s: s.deeds("changed") and s.seqs[:7] == [1, 2, 3, 4, 15, 16, 17]
    ),
    "corrupt-json": Case(FIVE, broken),
    "truncate": Case(FIVE, broken),
    "wrong-type": Case(FIVE | {"field": "price"}, changed(lambda data: data["price"] == "not a number")),
    "null-field": Case(FIVE | {"field": "price"}, changed(lambda data: data["price"] is None)),
    "missing-field": Case(FIVE | {"field": "bid"}, changed(lambda data: "bid" not in data)),
    "extra-field": Case(FIVE, changed(lambda data: "surprise" in data)),
    "unknown-event": Case(FIVE, lambda s: all([s.deeds("changed"), s.events["surprise"] == 2, missing(s) == s.struck])),
    "out-of-range": Case(FIVE | {"field": "size", "value": "enormous"}, changed(lambda data: data["size"] == 1e308)),
    "crossed-book": Case(FIVE, changed(lambda data: data["bid"] > data["ask"])),
    "bad-checksum": Case({"seq": 5, "count": 2}, lambda s: s.deeds("changed") and len(s.done) == 2, asks=[BOOK]),
    "huge": Case(
        FIVE,
        lambda s: all(
            [
                s.deeds("changed"),
                {m["seq"] for m in s.data if "padding" in m} == s.struck == {5, 6},
                sum(one["size"] == 1024 * 1024 for one in s.seen) == 2,
            ]
        ),
    ),
    "not-utf8": Case(
        {"seq": 5, "count": 1},
        lambda s: all([s.deeds("changed"), s.ended[2] is False, s.seqs == [1, 2, 3, 4]]),
    ),
    "binary": Case(
        FIVE,
        lambda s: all(
            [s.deeds("changed"), {one["message"]["seq"] for one in s.seen if not one["isText"]} == s.struck == {5, 6}]
        ),
    ),
    "mute": Case(
        {"seq": 5},
        lambda s: all([s.deeds("dropped"), s.seqs == [1, 2, 3, 4], s.events["heartbeat"] > 0]),
        until="heartbeat",
    ),
    "no-heartbeat": Case(
        {}, lambda s: s.deeds("dropped") and s.events["heartbeat"] == 0 and s.end is None, asks=[], limit=4000
    ),
    "no-pong": Case(
        {}, lambda s: s.deeds("dropped") and s.events["pong"] == 0 and len(s.seqs) > 3, asks=[PING, TRADING]
    ),
    "freeze": Case(
        {"seq": 5},
        lambda s: all([s.deeds("dropped"), s.seqs == [1, 2, 3, 4], s.seen[-1]["message"]["seq"] == 4, s.end is None]),
        limit=1500,
        least=4,
    ),
    "late-ack": Case(
        {"by": "1s"},
        lambda s: all([s.deeds("delayed"), len(s.seqs) > 3, s.seen[1]["message"]["event"] != "subscribed"]),
        wants=500,
        limit=5000,
    ),
    "lost-ack": Case({}, lambda s: all([s.deeds("dropped"), s.events["subscribed"] == 0, s.seqs[:3] == [1, 2, 3]])),
    "latency": Case(
        {"by": "400ms", "jitter": "50ms"},
        lambda s: all([s.deeds("delayed"), s.seen[0]["ms"] >= 400, s.seqs == sorted(s.seqs)]),
    ),
    "bandwidth": Case(
        {"bytes_per_second": 2000},
        lambda s: all(
            [s.deeds("delayed"), sum(one["size"] for one in s.seen) <= 2.4 * s.ms + 300, s.seqs[:2] == [1, 2]]
        ),
    ),
    "slice": Case(
        {"size": 7, "pause": "1ms"}, lambda s: s.deeds("sliced") and s.seqs == list(range(1, len(s.seqs) + 1)), wants=12
    ),
    "reset": Case({"seq": 5}, cut_at(5, ABNORMAL)),
    "half-open": Case(
        {"seq": 5}, lambda s: s.deeds("cut") and s.seqs == [1, 2, 3, 4] and s.end is None, limit=1500, least=4
    ),
    "close": Case(
        {"seq": 5, "code": 4321, "reason": "because"}, cut_at(5, {"code": 4321, "reason": "because", "wasClean": True})
    ),
    "close-without-frame": Case({"seq": 5}, cut_at(5, ABNORMAL)),
    "refuse": Case({"status": 429, "count": 1}, lambda s: s.deeds("refused") and not s.opened and s.end == ABNORMAL),
    "slow-handshake": Case(
        {"by": "700ms"}, lambda s: s.deeds("delayed") and s.opened and s.seen[0]["ms"] >= 700, wants=3
    ),
    "wrong-accept": Case({"count": 1}, lambda s: s.deeds("changed") and not s.opened and s.end == ABNORMAL),
    "reset-handshake": Case({"count": 1}, lambda s: s.deeds("cut") and not s.opened and s.end == ABNORMAL),
    "unsubscribe": Case(
        {"seq": 5},
        lambda s: all([s.deeds("acted"), s.seqs == [1, 2, 3, 4], s.events["unsubscribed"] == 1]),
        limit=1500,
        least=4,
    ),
    "auth-expiry": Case(
        {"seq": 5},
        lambda s: all(
            [
                s.deeds("acted"),
                s.seqs == [1, 2, 3, 4],
                [one["message"].get("code") for one in s.seen[-2:]] == ["TOKEN_EXPIRED", 4401],
                s.end == {"code": 4401, "reason": "the token has expired", "wasClean": True},
            ]
        ),
    ),
    "rate-limit": Case(
        {"warnings": 2},
        lambda s: all(
            [
                s.deeds("acted"),
                s.struck == {1, 2},
                s.events["error"] == 2,
                s.ended[0] == 1008,
                [one["message"].get("id") for one in s.seen if one["message"]["event"] == "error"] == ["p", "p"],
            ]
        ),
        asks=[PING, PING, PING],
    ),
    "error": Case(
        {"seq": 5, "code": "LIMIT_EXCEEDED"},
        lambda s: all([s.deeds("acted"), s.events["error"] == 1, s.seqs[:8] == list(range(1, 9))]),
    ),
    "maintenance": Case(
        {"seq": 5, "for": "24h"},
        lambda s: all(
            [
                s.deeds("acted"),
                s.seqs == [1, 2, 3, 4],
                [one["message"].get("status", one["message"]["event"]) for one in s.seen[-2:]]
                == ["maintenance", "closing"],
                s.end == {"code": 1012, "reason": "maintenance", "wasClean": True},
            ]
        ),
    ),
}


def test_no_kind_is_left_out() -> None:
    """Each kind has a case."""
    assert set(CASES) == set(FAULTS)


def asked(served: Served, prefix: str) -> list[dict[str, Any]]:
    """What a client should do, case by case; those that keep the next handshake waiting come last."""
    order = sorted(CASES, key=lambda kind: FAULTS[kind].group == "connecting")
    return [
        {
            "name": kind,
            "url": f"{served.url}/?market={prefix}-{kind}&speed=10&wait_for=1&faults="
            + quote(json.dumps([{"kind": kind, **CASES[kind].fault}])),
            "asks": CASES[kind].asks,
            "wants": CASES[kind].wants,
            "limit": CASES[kind].limit,
            "least": CASES[kind].least,
            "until": CASES[kind].until,
        }
        for kind in order
    ]


def request(served: Served, path: str, method: str = "GET") -> Any:
    """The JSON answer to a request."""
    wanted = urllib.request.Request(served.http + path, method=method)
    with urllib.request.urlopen(wanted, timeout=20) as answer:
        return json.loads(answer.read())


def holds(case: Case, sight: Sight) -> bool:
    """Whether a client has seen what it should; False where it has not even seen enough to tell."""
    try:
        return case.check(sight)
    except (LookupError, StopIteration, TypeError, ValueError):
        return False


def judge(served: Served, prefix: str, found: list[dict[str, Any]]) -> None:
    """Compare what was seen with what should be, and with the ground truth."""
    wrong = {}
    for one in found:
        kind = one["name"]
        try:
            truth = request(served, f"/markets/{prefix}-{kind}/faults")
        except urllib.error.HTTPError as error:
            wrong[kind] = [error.code, one]
            error.close()
            continue
        done = [deed for deed in truth["done"] if deed["kind"] == kind and deed["ordinal"] == 1]
        sight = Sight(one["seen"], one["end"], one["opened"], done, one["ms"])
        assert truth["armed"] == [] or truth["armed"][0]["what"]["kind"] == kind
        if not holds(CASES[kind], sight):
            wrong[kind] = [sight.seqs, sight.end, sight.opened, sight.events, done[:4], one["ms"]]
        request(served, f"/markets/{prefix}-{kind}", "DELETE")
    assert wrong == {}
    assert len(found) == len(CASES)


@pytest.mark.browser
async def test_every_fault_in_chromium(page: Page, calm: Served) -> None:
    """As a page sees it: 1006 is 1006, a clean end is clean."""
    await page.goto(calm.http)
    found = await page.evaluate(f"(cases) => {{ {OBSERVE}; return observeAll(cases); }}", asked(calm, "page"))
    judge(calm, "page", found)


@pytest.mark.node
def test_every_fault_in_node(node_modules: Path, calm: Served) -> None:
    """The same with Node's `ws`."""
    with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
        json.dump(asked(calm, "node"), file)
        file.flush()
        node = Node(SCRIPT % (OBSERVE, json.dumps(file.name)), node_modules)
        try:
            found = json.loads(node.line("found "))
        finally:
            node.close()
    judge(calm, "node", found)
