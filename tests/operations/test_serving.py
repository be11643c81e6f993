"""Where the service listens."""

from __future__ import annotations

import socket

import pytest

from kernel.errors import Rejected
from operations.serving import parse_bind, require_free_port


@pytest.mark.parametrize(
    ("bind", "host", "port"),
    [("127.0.0.1:8000", "127.0.0.1", 8000), ("[::1]:443", "::1", 443), (":8000", "0.0.0.0", 8000)],
)
def test_reads_host_and_port(bind: str, host: str, port: int) -> None:
    """HOST:PORT, with IPv6 in brackets."""
    assert parse_bind(bind) == (host, port)


@pytest.mark.parametrize("bind", ["", "8000", "localhost", "localhost:", "localhost:0", "localhost:99999", "a:b"])
def test_refuses_what_is_no_address(bind: str) -> None:
    """A wrong SAU_BIND is a clear error, not a traceback."""
    with pytest.raises(Rejected, match="HOST:PORT"):
        parse_bind(bind)


def test_a_busy_port_is_named_with_what_to_do() -> None:
    """The interface asks for a clear error."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(Rejected, match=rf"Port {port} .* SAU_BIND"):
            require_free_port("127.0.0.1", port)
