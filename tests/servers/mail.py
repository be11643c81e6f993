"""A mail server that keeps what it receives."""

from __future__ import annotations

import email
import email.policy
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.message import EmailMessage
from typing import Any

from aiosmtpd.controller import Controller

from tests.servers.process import free_port


@dataclass
class MailServer:
    """What arrived, and where to send it.

    :ivar refusing: while true, every message gets a temporary error (451).
    """

    url: str
    messages: list[EmailMessage] = field(default_factory=list)
    refusing: bool = False

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:
        """Take one message (the name is aiosmtpd's)."""
        if self.refusing:
            return "451 try again later"
        message = email.message_from_bytes(envelope.content, policy=email.policy.default)
        assert isinstance(message, EmailMessage)
        self.messages.append(message)
        return "250 kept"

    def wait_for(self, wanted: Callable[[EmailMessage], bool], *, seconds: float = 60) -> EmailMessage:
        """Return the first message that is wanted, waiting for it. :raises AssertionError: if none comes."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            for message in list(self.messages):
                if wanted(message):
                    return message
            time.sleep(0.1)
        raise AssertionError(f"no such mail among {[(m['To'], m['Subject']) for m in self.messages]}")


@contextmanager
def run_mail_server(port: int | None = None) -> Iterator[MailServer]:
    """Start an SMTP server in a thread of this process."""
    port = port or free_port()
    server = MailServer(f"smtp://127.0.0.1:{port}")
    controller = Controller(server, hostname="127.0.0.1", port=port, ready_timeout=60)
    controller.start()
    try:
        yield server
    finally:
        controller.stop()
