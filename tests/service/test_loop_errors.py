"""What reaches nobody but the event loop is a line of the log, and of a connection's end not even that."""

from __future__ import annotations

import asyncio
import errno
import os
import socket
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from feed.service.logs import configure_logs
from feed.service.loop_errors import log_loop_errors
from tests.support.waiting import becomes


class Gone(socket.socket):
    """A socket whose other end is gone by the time at which one side of it is to be closed."""

    def shutdown(self, how: int) -> None:
        """As the kernel answers then."""
        raise OSError(errno.ENOTCONN, os.strerror(errno.ENOTCONN))


@pytest_asyncio.fixture
async def loop() -> AsyncIterator[asyncio.AbstractEventLoop]:
    """The loop as a server has it."""
    running = asyncio.get_running_loop()
    before = running.get_exception_handler()
    log_loop_errors(running)
    yield running
    running.set_exception_handler(before)


@pytest.mark.parametrize(("level", "lines"), [("info", 0), ("debug", 1)])
async def test_the_end_of_a_connection_is_no_error(
    loop: asyncio.AbstractEventLoop, capsys: pytest.CaptureFixture[str], level: str, lines: int
) -> None:
    """The rest of what was to be sent goes out, and then there is nobody to say goodbye to."""
    configure_logs(level, "console")
    near, far = socket.socketpair()
    near.setblocking(False)
    with far:
        transport, _ = await loop.create_connection(asyncio.Protocol, sock=Gone(fileno=near.detach()))
        transport.write(bytes(2**20))
        transport.write_eof()
        assert transport.get_write_buffer_size()
        far.setblocking(False)
        while transport.get_write_buffer_size():
            await loop.sock_recv(far, 2**16)
            await asyncio.sleep(0)
        transport.abort()
    said = capsys.readouterr().err
    assert "Traceback" not in said
    assert said.count("x the connection was gone") == len(said.splitlines()) == lines


async def test_a_process_without_descriptors_says_so_in_a_line(
    loop: asyncio.AbstractEventLoop, capsys: pytest.CaptureFixture[str]
) -> None:
    """The loop tries again by itself."""
    configure_logs("info", "console")
    error = OSError(errno.EMFILE, os.strerror(errno.EMFILE))
    loop.call_exception_handler({"message": "socket.accept() out of system resource", "exception": error})
    [line] = capsys.readouterr().err.splitlines()
    assert "no connection can be taken for now" in line


async def test_what_nobody_expects_keeps_its_traceback(
    loop: asyncio.AbstractEventLoop, capsys: pytest.CaptureFixture[str]
) -> None:
    """As JSON it is one line all the same."""
    configure_logs("info", "json")
    done: list[bool] = []

    def fail() -> None:
        done.append(True)
        raise LookupError("a mistake of ours")

    loop.call_soon(fail)
    await becomes(lambda: done)
    await asyncio.sleep(0)
    [line] = capsys.readouterr().err.splitlines()
    assert line.startswith("{")
    assert "LookupError: a mistake of ours" in line
    assert "test_loop_errors.py" in line
