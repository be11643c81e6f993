"""The servers that other tests lean on do start and stop."""

from __future__ import annotations

import smtplib
from pathlib import Path

import pytest
import redis
from playwright.sync_api import Page

from tests.servers.apache import run_apache
from tests.servers.mail import MailServer
from tests.servers.process import accepts_connections, free_port
from tests.servers.tls import write_localhost_certificate


@pytest.mark.server
def test_redis_answers(redis_url: str) -> None:
    """Redis is there."""
    assert redis.Redis.from_url(redis_url).ping()


@pytest.mark.server
def test_mail_arrives(mail_server: MailServer) -> None:
    """What is sent is kept."""
    port = int(mail_server.url.rsplit(":", 1)[1])
    with smtplib.SMTP("127.0.0.1", port) as client:
        client.sendmail("a@gob.test", ["b@gob.test"], "Subject: Hola\r\n\r\nBuenas")
    assert mail_server.wait_for(lambda mail: mail["Subject"] == "Hola").get_content().strip() == "Buenas"


@pytest.mark.browser
def test_chromium_opens_a_page(page: Page) -> None:
    """The browser is there."""
    page.set_content("<h1>Hola</h1>")
    assert page.inner_text("h1") == "Hola"


@pytest.mark.server
def test_apache_with_openid_connect_starts(tmp_path: Path) -> None:
    """The foreign relying application takes its configuration."""
    port = free_port()
    trust, _ = write_localhost_certificate(tmp_path)
    with run_apache(
        tmp_path / "apache", port=port, issuer="http://localhost:1", trust=trust, client_id="a", client_secret="b"
    ):
        assert accepts_connections(port)
    assert not accepts_connections(port)
