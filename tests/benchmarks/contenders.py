"""Who is measured: a name, and how to start its server for a given work."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.benchmarks import product
from tests.benchmarks.processes import ROOT, Running, running
from tests.benchmarks.tools import compiled, node_modules

__all__ = ["CONTENDERS", "LENGTH", "Work", "start"]

LENGTH = 290
"""Bytes of a message, about those of the product's."""


@dataclass(frozen=True, slots=True)
class Work:
    """What a server publishes.

    Args:
        rate: messages a second on each stream; 0 is as fast as it goes, a negative one is nothing.
        gather_us: the bound on the delay that gathering messages may add, where a server can; 0 is one write a message.
        streams: how many symbols there are (the product only).
        log: where the product shall log the publish times.
    """

    rate: int = 1000
    gather_us: int = 0
    deflate: bool = False
    streams: int = 1
    length: int = LENGTH
    log: Path | None = None


def start(name: str, work: Work) -> AbstractContextManager[Running]:
    """Start a contender's server."""
    return CONTENDERS[name](work)


def _floor(work: Work) -> AbstractContextManager[Running]:
    return running([str(compiled("floor")), str(work.length), str(work.rate), str(work.gather_us)])


def _node(work: Work) -> AbstractContextManager[Running]:
    script = str(ROOT / "tests" / "benchmarks" / "rivals" / "node_ws.cjs")
    modules = {"NODE_PATH": str(node_modules())}
    return running(["node", script, str(work.length), str(work.rate), str(int(work.deflate))], modules)


def _library(mode: str) -> Callable[[Work], AbstractContextManager[Running]]:
    def begin(work: Work) -> AbstractContextManager[Running]:
        chosen = "idle" if work.rate < 0 else mode
        module = "tests.benchmarks.rivals.library"
        options = [chosen, str(work.length), str(work.rate), str(int(work.deflate))]
        return running([sys.executable, "-m", module, *options])

    return begin


@contextmanager
def _product(work: Work) -> Iterator[Running]:
    with tempfile.TemporaryDirectory(prefix="feed-benchmark-") as folder:
        scenario = product.write_scenario(Path(folder), rate=work.rate)
        symbols = (work.streams, work.rate) if work.streams > 1 else None
        command = product.command(
            scenario,
            gather_us=work.gather_us,
            rush=work.rate == 0,
            deflate=work.deflate,
            log=work.log,
            symbols=symbols,
        )
        with running(command) as server:
            yield server


CONTENDERS: dict[str, Callable[[Work], AbstractContextManager[Running]]] = {
    "floor": _floor,
    "node ws": _node,
    "broadcast": _library("broadcast"),
    "textbook": _library("textbook"),
    "product": _product,
}
