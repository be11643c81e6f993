"""Delivery by SMTP: TLS where the server offers it, a bounded wait."""

from __future__ import annotations

import smtplib
import ssl
from email.message import EmailMessage
from email.utils import format_datetime
from urllib.parse import unquote, urlsplit

from idp.notices.html import html_of
from idp.notices.mail import Mail
from idp.notices.texts import Text

TIMEOUT_SECONDS = 15
_SENDER_NAME = "SAU"


def deliver(mail: Mail, *, smtp_url: str, sender: str, issuer: str) -> None:
    """Hand ``mail`` to the server of ``smtp_url`` (``smtp://`` or ``smtps://``, user and password optional).

    It goes as text and as HTML (multipart/alternative, RFC 2046 §5.1.4); the reader's program shows one of them.
    With user and password the connection must be TLS: they never go out in clear.

    :raises OSError: (``smtplib.SMTPException`` is one) if the server does not take it; the outbox tries again.
    """
    target = urlsplit(smtp_url)
    host, context = target.hostname or "localhost", ssl.create_default_context()
    if target.scheme == "smtps":
        server: smtplib.SMTP = smtplib.SMTP_SSL(host, target.port or 465, timeout=TIMEOUT_SECONDS, context=context)
    else:
        server = smtplib.SMTP(host, target.port or 25, timeout=TIMEOUT_SECONDS)
    with server:
        server.ehlo_or_helo_if_needed()
        encrypted = target.scheme == "smtps"
        if not encrypted and server.has_extn("starttls"):
            server.starttls(context=context)
            server.ehlo()
            encrypted = True
        if target.username:
            if not encrypted:
                raise smtplib.SMTPNotSupportedError("the server offers no TLS to log in under")
            server.login(unquote(target.username), unquote(target.password or ""))
        server.send_message(_message(mail, sender=sender, issuer=issuer))


def _message(mail: Mail, *, sender: str, issuer: str) -> EmailMessage:
    message = EmailMessage()
    message["From"] = f"{_SENDER_NAME} <{sender}>"
    message["To"] = mail.to
    message["Subject"] = mail.subject
    message["Date"] = format_datetime(mail.created_at)
    # Stable across retries, so that a mailbox can drop a repeated delivery.
    message["Message-ID"] = f"<{mail.id}@{sender.rpartition('@')[2]}>"
    message["Auto-Submitted"] = "auto-generated"  # RFC 3834 §5
    message.set_content(mail.body)
    message.add_alternative(html_of(Text(mail.subject, mail.body, mail.language), issuer=issuer), subtype="html")
    message["Content-Language"] = mail.language  # RFC 3282
    return message
