"""Hosts of the tests: each says, octet by octet, what it likes, in clear or under TLS of an authority of its own."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

Behaviour = Callable[[socket.socket, bytes], None]
"""What a host does on a connection: it is given the connection and the request it read."""


@dataclass
class Host:
    """A host on 127.0.0.1 and what it was asked.

    :ivar connections: how many were accepted, whether or not a request came.
    """

    port: int
    requests: list[bytes] = field(default_factory=list)
    connections: int = 0


def answering(text: bytes) -> Behaviour:
    """Say ``text`` and close."""
    return lambda connection, _request: connection.sendall(text)


def ok(body: bytes = b"{}", *, headers: bytes = b"Content-Type: application/json\r\n") -> Behaviour:
    """Answer 200 with ``body``."""
    return answering(b"HTTP/1.1 200 OK\r\n%sContent-Length: %d\r\n\r\n%s" % (headers, len(body), body))


@contextmanager
def run_host(behaviour: Behaviour, *, tls: ssl.SSLContext | None = None) -> Iterator[Host]:
    """Run a host until the block ends."""
    listener = socket.create_server(("127.0.0.1", 0))
    host = Host(listener.getsockname()[1])

    def serve(accepted: socket.socket) -> None:
        with suppress(OSError), accepted:
            connection = tls.wrap_socket(accepted, server_side=True) if tls else accepted
            with connection:
                connection.settimeout(30)
                request = _read_request(connection)
                host.requests.append(request)
                behaviour(connection, request)

    def accept() -> None:
        with suppress(OSError):
            while True:
                accepted, _address = listener.accept()
                host.connections += 1
                threading.Thread(target=serve, args=(accepted,), daemon=True).start()

    thread = threading.Thread(target=accept, daemon=True)
    thread.start()
    try:
        yield host
    finally:
        with suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join(60)


def _read_request(connection: socket.socket) -> bytes:
    request = b""
    while b"\r\n\r\n" not in request:
        part = connection.recv(65536)
        if not part:
            return request
        request += part
        if request.startswith(b"\x16"):  # the hello of TLS, on a host that speaks none
            return request
    header, _, body = request.partition(b"\r\n\r\n")
    length = next(
        (int(line.split(b":")[1]) for line in header.split(b"\r\n") if line.lower().startswith(b"content-length:")), 0
    )
    while len(body) < length:
        part = connection.recv(65536)
        if not part:
            break
        body += part
    return header + b"\r\n\r\n" + body


@dataclass
class TestAuthority:
    """An authority that the system does not know."""

    __test__ = False

    folder: Path

    def __post_init__(self) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Test authority")])
        certificate = self._sign(self._name, self._key, x509.BasicConstraints(ca=True, path_length=0), [])
        self.ca_file = self.folder / "authority.pem"
        self.ca_file.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))

    def context(self, *names: str, expired: bool = False) -> ssl.SSLContext:
        """Return what a server needs to speak as ``names``."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, names[0])])
        leaf = self._sign(subject, key, x509.BasicConstraints(ca=False, path_length=None), names, expired=expired)
        private = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        path = self.folder / f"{names[0]}{'-expired' if expired else ''}.pem"
        path.write_bytes(private + leaf.public_bytes(serialization.Encoding.PEM))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(path)
        return context

    def _sign(
        self,
        subject: x509.Name,
        key: ec.EllipticCurvePrivateKey,
        constraints: x509.BasicConstraints,
        names: tuple[str, ...] | list[str],
        *,
        expired: bool = False,
    ) -> x509.Certificate:
        now = datetime.now(UTC)
        builder = (
            x509.CertificateBuilder(subject_name=subject, issuer_name=self._name, public_key=key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(days=2))
            .not_valid_after(now + timedelta(days=-1 if expired else 1))
            .add_extension(constraints, critical=True)
        )
        if names:
            alternatives = x509.SubjectAlternativeName([x509.DNSName(name) for name in names])
            builder = builder.add_extension(alternatives, critical=False)
        return builder.sign(self._key, hashes.SHA256())
