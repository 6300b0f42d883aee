"""Temporary server in a separate process, for notebooks and for tests of other projects."""

from __future__ import annotations

import atexit
import contextlib
import os
import re
import signal
import subprocess
import sys
import threading
from collections import deque
from types import TracebackType

from feed.errors import FeedError, UsageError
from feed.service.settings import ENV_PREFIX

__all__ = ["ServerProcess", "start_server"]

READY_TIMEOUT = 30
"""Seconds within which the server has to listen."""

STOP_TIMEOUT = 5
"""Seconds within which the server has to stop."""

RECORDED_TIMEOUT = 15
"""Seconds for closing connections and finishing a recording."""

_URL = re.compile(r"wss?://\S+:\d+")


def start_server(scenario: str = "calm", **settings: object) -> ServerProcess:
    """Run `feed serve SCENARIO` on any free port, until `stop`, the end of a `with` block, or the end of this process.

    Args:
        scenario: a name, or the path of a file.
        settings: the command's other options, such as `speed=60` or `seed=7`; a repeated option is a list. `FEED_*`
            variables are ignored. With `record="day.parquet"` the recording is complete once the server is stopped.

    Raises:
        FeedError: the server did not start; the message is the server's own.
    """
    options = {"port": 0} | settings
    words = [
        word
        for name, value in options.items()
        for each in (value if isinstance(value, list | tuple) else (value,))
        for word in (f"--{name.replace('_', '-')}", str(each))
    ]
    clean = {name: value for name, value in os.environ.items() if not name.startswith(ENV_PREFIX)}
    process = subprocess.Popen(
        [sys.executable, "-m", "feed", "serve", scenario, *words],
        env=clean,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        # On Windows a signal reaches a whole group of processes: the server gets a separate group.
        creationflags=getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0),
    )
    server = ServerProcess(process, recording="record" in settings)
    atexit.register(server.stop)
    try:
        server.wait_ready()
    except BaseException:
        server.stop()
        raise
    return server


class ServerProcess:
    """Running server process. `url` is the address for clients; `output` has the last lines that it wrote."""

    def __init__(self, process: subprocess.Popen[str], *, recording: bool = False) -> None:
        self.url = ""
        self._recording = recording
        self.output: deque[str] = deque(maxlen=1000)
        self._process = process
        self._told = threading.Event()
        self._reader = threading.Thread(target=self._read, name="feed-serve", daemon=True)
        self._reader.start()

    def __enter__(self) -> ServerProcess:
        """Return the server itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop the server."""
        self.stop()

    def wait_ready(self) -> None:
        """Wait until the server listens. Raises FeedError if it does not."""
        self._told.wait(READY_TIMEOUT)
        if not self.url:
            words = "\n".join(self.output) or f"feed serve says nothing for {READY_TIMEOUT} s"
            raise UsageError(words) if self._process.poll() == 2 else FeedError(words)

    def stop(self) -> None:
        """Stop the server, at once unless it is recording. May be called repeatedly."""
        atexit.unregister(self.stop)
        if self._process.poll() is None and self._recording and self.url:
            # On Windows Ctrl-Break is the only signal that a process can send to another and that it can handle.
            self._process.send_signal(getattr(signal, "CTRL_BREAK_EVENT", signal.SIGINT))
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(RECORDED_TIMEOUT)
        if self._process.poll() is None:
            # No orderly close of connections is needed: the caller has read everything it wanted.
            self._process.kill()
        self._process.wait(STOP_TIMEOUT)
        self._reader.join(STOP_TIMEOUT)
        assert self._process.stdout is not None
        self._process.stdout.close()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self.output.append(line.rstrip("\n"))
            if not self.url and (match := _URL.search(line)):
                self.url = match.group()
                self._told.set()
        self._process.wait()
        self._told.set()
