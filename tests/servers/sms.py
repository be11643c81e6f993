"""Gateways of short messages that keep what they receive: one by HTTP, one by SMPP, both in threads of this process."""

from __future__ import annotations

import json
import socket
import ssl
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

# SMPP 3.4 §5.1.2.1
_BINDS, _SUBMIT, _UNBIND, _RESPONSE = (0x1, 0x2, 0x9), 0x4, 0x6, 0x80000000
INVALID_PASSWORD, INVALID_DESTINATION = 0x0E, 0x0B


@dataclass
class SmsGateway:
    """What arrived, and where to send it.

    :ivar url: for ``SAU_SMS_URL``, with user and password.
    :ivar answer: the HTTP status, or the status of ``submit_sm_resp``, with which messages are answered.
    """

    url: str
    answer: int
    messages: list[dict[str, Any]] = field(default_factory=list)


@contextmanager
def run_http_gateway(tls: ssl.SSLContext | None = None) -> Iterator[SmsGateway]:
    """Start a gateway that takes one JSON object a message."""
    gateway = SmsGateway("", 202)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            gateway.messages.append({**body, "headers": dict(self.headers), "path": self.path})
            self.send_response(gateway.answer)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    if tls is not None:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    scheme = "https" if tls else "http"
    gateway.url = f"{scheme}://sau:cl%40ve@localhost:{server.server_port}/v1/messages"
    try:
        yield gateway
    finally:
        server.shutdown()
        server.server_close()


@contextmanager
def run_smpp_gateway(tls: ssl.SSLContext | None = None) -> Iterator[SmsGateway]:
    """Start a message centre that speaks SMPP 3.4; the password is ``secreto``."""
    listener = socket.create_server(("127.0.0.1", 0))
    gateway = SmsGateway(f"smpp{'s' if tls else ''}://sau:secreto@localhost:{listener.getsockname()[1]}", 0)

    def serve() -> None:
        while True:
            try:
                connected, _ = listener.accept()
            except OSError:
                return
            with suppress(OSError, struct.error), connected:
                connected.settimeout(5)
                _converse(tls.wrap_socket(connected, server_side=True) if tls else connected, gateway)

    threading.Thread(target=serve, daemon=True).start()
    try:
        yield gateway
    finally:
        listener.close()


def _converse(connected: socket.socket, gateway: SmsGateway) -> None:
    while header := _read(connected, 16):
        length, command, _, sequence = struct.unpack(">IIII", header)
        body, status, said = _read(connected, length - 16), 0, b""
        if command in _BINDS:
            _, password = body.split(b"\0")[:2]
            status, said = (0, b"SMSC\0") if password == b"secreto" else (INVALID_PASSWORD, b"")
        elif command == _SUBMIT:
            status, said = gateway.answer, b"0001\0" if gateway.answer == 0 else b""
            gateway.messages.append(_submitted(body))
        connected.sendall(struct.pack(">IIII", 16 + len(said), command | _RESPONSE, status, sequence) + said)
        if command == _UNBIND:
            return


def _submitted(body: bytes) -> dict[str, Any]:
    """Return what a submit_sm (SMPP 3.4 §4.4.1) says."""

    def text() -> str:
        nonlocal body
        value, _, body = body.partition(b"\0")
        return value.decode()

    def octets(count: int) -> bytes:
        nonlocal body
        value, body = body[:count], body[count:]
        return value

    text()
    octets(2)
    sender = text()
    octets(2)
    to = text()
    octets(3)
    text(), text()
    octets(2)
    coding, _, length = octets(3)
    return {"from": sender, "to": to, "coding": coding, "text": octets(length).decode("ascii")}


def _read(connected: socket.socket, count: int) -> bytes:
    received = b""
    while len(received) < count and (part := connected.recv(count - len(received))):
        received += part
    return received
