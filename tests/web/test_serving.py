"""A connection on which no whole request arrives is cut, and a port that is taken is told."""

from __future__ import annotations

import asyncio

import pytest
from anyio.from_thread import start_blocking_portal
from uvicorn.server import ServerState

from neuralbum.errors import ToolError
from neuralbum.web import serving


class Line:
    """A connection without a network: whether it was cut."""

    cut = False

    def get_extra_info(self, name):
        return None

    def is_closing(self):
        return self.cut

    def abort(self):
        self.cut = True


class Timer:
    """What a loop promises to do later."""

    def __init__(self, work):
        self.work = work

    def cancel(self):
        self.work = lambda: None


async def is_cut(sent):
    """Whether a connection is cut once its time is over, after these bytes came, one after the other."""

    async def app(scope, receive, send):
        await asyncio.Event().wait()

    class Clock:
        """A loop whose timers wait until they are told."""

        create_task = staticmethod(asyncio.get_running_loop().create_task)

        def call_later(self, delay_s, work):
            timers.append(Timer(work))
            return timers[-1]

    timers = []
    config = serving.configure(app)
    config.load()
    protocol, line = serving.PunctualProtocol(config, ServerState(), {}, Clock()), Line()
    protocol.connection_made(line)
    for data in sent:
        protocol.data_received(data)
    for timer in timers:
        timer.work()
    for task in protocol.tasks:
        task.cancel()
    return line.cut


HEAD = b"POST /api/events HTTP/1.1\r\nhost: x\r\ncontent-length: 4\r\n"


@pytest.mark.parametrize(
    ("sent", "cut"),
    [
        ((), True),
        ((b"GET / HT",), True),
        ((b"GET / HTTP/1.1\r\nhost: x\r\n", b"x-slow: a\r\n", b"x-slow: b\r\n"), True),
        ((HEAD + b"\r\n", b"{"), True),
        ((HEAD + b"\r\n", b"{", b"}  "), False),
        ((b"GET / HTTP/1.1\r\nhost: x\r\n\r\n",), False),
    ],
    ids=["nothing", "a line begun", "headers for ever", "half a body", "a whole body", "a whole request"],
)
def test_a_connection_on_which_no_whole_request_arrives_is_cut(sent, cut):
    with start_blocking_portal() as portal:
        assert portal.call(is_cut, sent) is cut


def test_a_port_that_is_taken_ends_in_one_line_with_the_remedy():
    with serving.listen("127.0.0.1", 0) as first:
        first.listen(1)
        with pytest.raises(ToolError, match="try --port 0"):
            serving.listen("127.0.0.1", first.getsockname()[1])


@pytest.mark.parametrize("host", ["no such host", "ab" * 300, "256.1.1.1"])
def test_a_host_that_is_none_is_told(host):
    with pytest.raises(ToolError, match="cannot listen there"):
        serving.listen(host, 0)
