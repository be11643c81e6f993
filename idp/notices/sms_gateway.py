"""The port to the gateway of short messages: which adapter, and by which credentials."""

from __future__ import annotations

from dataclasses import dataclass, field
from urllib.parse import SplitResult, unquote, urlsplit

from idp.notices.sms import Sms
from idp.notices.sms_http import hand_over_by_http
from idp.notices.sms_smpp import hand_over_by_smpp
from idp.notices.sms_taken import SmsNotTaken
from idp.services import IdpServices
from kernel.settings import Settings


@dataclass(frozen=True)
class Credentials:
    """How the gateway knows us. ``user`` is empty for a bearer token."""

    user: str
    secret: str = field(repr=False)


def hand_over(services: IdpServices, sms: Sms) -> None:
    """Give ``sms`` to the gateway of ``SAU_SMS_URL``; outside any transaction.

    :raises SmsNotTaken: if it did not take it, now or ever.
    """
    settings, url = services.settings, urlsplit(services.settings.sms_url)
    known = gateway_credentials(settings, url)
    if url.scheme in ("smpp", "smpps"):
        hand_over_by_smpp(sms, url=url, user=known.user, password=known.secret, settings=settings)
    else:
        address = url._replace(netloc=url.netloc.rpartition("@")[2]).geturl()
        hand_over_by_http(
            sms,
            address=address,
            user=known.user,
            secret=known.secret,
            sender=settings.sms_sender,
            outgoing=services.outgoing,
        )


def gateway_credentials(settings: Settings, url: SplitResult) -> Credentials:
    """Return what stands in the file, else in the address. :raises SmsNotTaken: if the file cannot be read."""
    if settings.sms_credentials_file is None:
        return Credentials(unquote(url.username or ""), unquote(url.password or ""))
    try:
        text = settings.sms_credentials_file.read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError):
        raise SmsNotTaken("credentials_unreadable") from None
    user, separator, secret = text.partition(":")
    return Credentials(user, secret) if separator else Credentials("", text)
