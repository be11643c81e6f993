"""The doctor's checks of what is on the network: the mail server, the mutual-TLS host, trust in applications' hosts."""

from __future__ import annotations

import smtplib
import socket
import ssl
from collections.abc import Iterator
from contextlib import suppress
from http.client import HTTPException, HTTPSConnection
from urllib.parse import SplitResult, urlsplit

from composition import Composition
from idp.directories.register import list_directories
from idp.notices.sms_gateway import gateway_credentials
from idp.notices.sms_smpp import PLAIN_PORT, TLS_PORT
from idp.notices.sms_taken import SmsNotTaken
from idp.ussd.gateway import read_gateway_secret
from kernel.errors import Unavailable
from kernel.settings import Settings
from operations.finding import Finding, broken, ok, warning

_SECONDS = 5
_SMS_PORTS = {"https": 443, "http": 80, "smpp": PLAIN_PORT, "smpps": TLS_PORT}
# An endpoint that is answered on both hosts, and refuses whoever shows nothing.
_PROBE, _REFUSED = "/userinfo", 401


def mail_server(composition: Composition) -> Iterator[Finding]:
    """Ask whether the mail server answers."""
    url = urlsplit(composition.settings.smtp_url)
    if not url.hostname:
        return
    try:
        with _smtp(url) as server:
            server.noop()
    except (OSError, smtplib.SMTPException) as error:
        yield broken(
            "mail",
            f"{url.hostname} does not answer ({type(error).__name__})",
            "Mails wait; correct SAU_SMTP_URL.",
        )
    else:
        yield ok("mail", f"{url.hostname} answers")


def directories(composition: Composition) -> Iterator[Finding]:
    """Ask each server of each open directory of an institution."""
    services = composition.idp
    with composition.database.reading() as session:
        found = list_directories(session, services=services, active_only=True)
    for directory in found:
        reports = services.directories.examine(directory)
        failed = [f"{each.server}: {each.reason.value}" for each in reports if each.reason]
        check = f"directory {directory.name}"
        remedy = f"Run 'sau directory test {directory.name}'; see docs/directories.md."
        if len(failed) == len(reports):
            yield broken(check, f"No server answers ({'; '.join(failed)}): its people cannot log in.", remedy)
        elif failed:
            yield warning(check, f"{'; '.join(failed)}; the others answer", remedy)
        else:
            yield ok(check, f"{len(reports)} answer")


def sms_gateway(composition: Composition) -> Iterator[Finding]:
    """Ask whether the gateway of short messages can be reached, and how the last ones went."""
    settings = composition.settings
    url = urlsplit(settings.sms_url)
    if not url.hostname:
        return
    try:
        gateway_credentials(settings, url)
        with socket.create_connection((url.hostname, url.port or _SMS_PORTS[url.scheme]), timeout=_SECONDS):
            pass
    except SmsNotTaken:
        yield broken(
            "short messages", f"{settings.sms_credentials_file} cannot be read", "Correct SAU_SMS_CREDENTIALS_FILE."
        )
    except OSError as error:
        yield broken(
            "short messages",
            f"{url.hostname} does not answer ({type(error).__name__})",
            "Messages wait, codes among them; correct SAU_SMS_URL.",
        )
    else:
        yield ok("short messages", f"{url.hostname} answers")
    if url.scheme in ("http", "smpp"):
        yield warning(
            "short messages",
            f"Codes and password go to {url.hostname} in clear.",
            "Use https or smpps, or make sure that the way there is a tunnel.",
        )


def ussd_gateway(composition: Composition) -> Iterator[Finding]:
    """Look whether approvals by USSD can work: a secret that can be read, the networks that the gateway calls from."""
    settings = composition.settings
    if not settings.ussd_code:
        return
    if settings.ussd_secret_file is None:
        yield broken("ussd", "The gateway has no secret: nobody can approve.", "Set SAU_USSD_SECRET_FILE.")
        return
    try:
        read_gateway_secret(settings.ussd_secret_file)
    except Unavailable as error:
        remedy = "Correct SAU_USSD_SECRET_FILE: 32 characters at least, readable by the service."
        yield broken("ussd", f"{settings.ussd_secret_file}: {error.public_detail}", remedy)
        return
    if not settings.ussd_networks:
        yield broken("ussd", "No network is believed: nobody can approve.", "Set SAU_USSD_NETWORKS.")
        return
    yield ok("ussd", f"{settings.ussd_code}, from {len(settings.ussd_networks)} networks")


def outgoing_trust(composition: Composition) -> Iterator[Finding]:
    """Ask whether the trust anchors for applications' hosts can be read."""
    file = composition.settings.outgoing_ca_file
    if file is None:
        return
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cafile=file)
    except OSError as error:  # ssl.SSLError is one
        said = "holds no PEM certificate" if isinstance(error, ssl.SSLError) else (error.strerror or "cannot be read")
        yield broken(
            "outgoing requests",
            f"SAU_OUTGOING_CA_FILE: {file}: {said}",
            "Correct it; until then no https address of an application is reached.",
        )
    else:
        yield ok("outgoing requests", f"trust {file} beside the system's anchors")


def mtls_host(composition: Composition) -> Iterator[Finding]:
    """Ask whether the service answers on the host where certificates are presented."""
    settings = composition.settings
    if not settings.mtls_origin:
        return
    check, url = "mutual-TLS host", urlsplit(settings.mtls_origin)
    connection = HTTPSConnection(url.hostname or "", url.port, timeout=_SECONDS, context=_trust(settings))
    try:
        connection.request("GET", _PROBE)
        status = connection.getresponse().status
    except ssl.SSLCertVerificationError as error:
        yield warning(
            check,
            f"{settings.mtls_origin}: its certificate is not trusted here ({error.verify_message})",
            "Applications see the same, unless they trust its authority: correct the certificate of that server block.",
        )
    except (OSError, HTTPException) as error:
        yield warning(
            check,
            f"{settings.mtls_origin} is announced and does not answer ({type(error).__name__})",
            "Publish its name and its nginx server block (deploy/nginx/sau.conf), or unset SAU_MTLS_ORIGIN.",
        )
    else:
        if status == _REFUSED:
            yield ok(check, f"{settings.mtls_origin} answers")
        else:
            yield warning(
                check,
                f"{settings.mtls_origin}{_PROBE} answers {status}, not {_REFUSED}: something else stands there.",
                "Start the service, and let nginx pass that host on to it with its own Host header.",
            )
    finally:
        connection.close()


def _trust(settings: Settings) -> ssl.SSLContext:
    context = ssl.create_default_context()
    if settings.outgoing_ca_file:
        with suppress(OSError):  # a finding of its own
            context.load_verify_locations(cafile=settings.outgoing_ca_file)
    return context


def _smtp(url: SplitResult) -> smtplib.SMTP:
    if url.scheme == "smtps":
        return smtplib.SMTP_SSL(url.hostname or "", url.port or 465, timeout=_SECONDS)
    return smtplib.SMTP(url.hostname or "", url.port or 25, timeout=_SECONDS)
