"""What stands around the ACME servers under measurement: a client's connection, a name server, a server of proofs.

All of it shares the cores with what is measured, so none of it does more than is needed: the library's client and
servers took more processor time for one certificate than its signature and all lints.
"""

from __future__ import annotations

import json
import selectors
import socket
import ssl
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple


class Reply(NamedTuple):
    """An answer. :ivar headers: names in lower case. :ivar document: its body, if that is JSON."""

    status: int
    headers: Mapping[str, str]
    document: Any


class Connection:
    """HTTP/1.1 over TLS, whoever presents whatever certificate, on one connection that stays open."""

    def __init__(self, host: str, port: int) -> None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        plain = socket.create_connection((host, port), timeout=30)
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._socket = context.wrap_socket(plain, server_hostname=host)
        self._host = f"{host}:{port}"
        self._come = b""

    def ask(self, method: str, path: str, body: bytes = b"") -> Reply:
        """Send a request and read its answer."""
        said = f"Content-Type: application/jose+json\r\nContent-Length: {len(body)}\r\n" if body else ""
        self._socket.sendall(f"{method} {path} HTTP/1.1\r\nHost: {self._host}\r\n{said}\r\n".encode() + body)
        first, *lines = self._until(b"\r\n\r\n").decode("latin-1").split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        status = int(first.split(" ", 2)[1])
        content = b"" if method == "HEAD" or status == 204 else self._body(headers)
        is_json = content and "json" in headers.get("content-type", "")
        return Reply(status, headers, json.loads(content) if is_json else None)

    def _body(self, headers: Mapping[str, str]) -> bytes:
        if headers.get("transfer-encoding") != "chunked":
            return self._exactly(int(headers.get("content-length", "0")))
        content = b""
        while size := int(self._until(b"\r\n").partition(b";")[0], 16):
            content += self._exactly(size)
            self._until(b"\r\n")
        self._until(b"\r\n")
        return content

    def _until(self, end: bytes) -> bytes:
        while (at := self._come.find(end)) < 0:
            self._receive()
        found, self._come = self._come[:at], self._come[at + len(end) :]
        return found

    def _exactly(self, octets: int) -> bytes:
        while len(self._come) < octets:
            self._receive()
        found, self._come = self._come[:octets], self._come[octets:]
        return found

    def _receive(self) -> None:
        part = self._socket.recv(65_536)
        if not part:
            raise RuntimeError("the server ended the connection")
        self._come += part


def serve_names(zone: bytes, issuer: bytes) -> None:
    """Answer questions for ever: each name is this machine, and the CAA record of ``zone`` names ``issuer``.

    :param zone: as it is on the wire.
    """
    record = b"\x00\x05issue" + issuer
    address = b"\xc0\x0c\0\x01\0\x01\0\0\0\x3c\0\x04\x7f\0\0\x01"
    permission = b"\xc0\x0c\x01\x01\0\x01\0\0\0\x3c" + len(record).to_bytes(2) + record
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as serving:
        serving.bind(("127.0.0.1", 53))
        while True:
            query, peer = serving.recvfrom(4096)
            end = query.index(b"\0", 12) + 5
            kind = int.from_bytes(query[end - 4 : end - 2])
            answer = address if kind == 1 else b""
            if kind == 257 and query[12 : end - 4].lower() == zone:
                answer = permission
            head = query[:2] + b"\x81\x80\0\x01" + (b"\0\x01" if answer else b"\0\0") + b"\0\0\0\0"
            serving.sendto(head + query[12:end] + answer, peer)


def serve_files(content_of: Callable[[str, str], str]) -> None:
    """Answer GET on port 80 for ever, one request a connection.

    :param content_of: gives the body for a host and a path.
    """
    with selectors.DefaultSelector() as waiting, socket.create_server(("127.0.0.1", 80), backlog=512) as listening:
        waiting.register(listening, selectors.EVENT_READ)
        while True:
            for key, _ in waiting.select():
                if key.fileobj is listening:
                    waiting.register(listening.accept()[0], selectors.EVENT_READ)
                    continue
                connected: Any = key.fileobj
                waiting.unregister(connected)
                with connected:
                    first, *lines = connected.recv(16_384).decode("latin-1").split("\r\n")
                    hosts = [line.partition(":")[2].strip() for line in lines if line.lower().startswith("host:")]
                    if hosts and first.startswith("GET "):
                        body = content_of(hosts[0], first.split(" ")[1])
                        head = f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
                        connected.sendall((head + body).encode())
