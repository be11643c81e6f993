"""The doctor's checks of the settings: what is weak, what is believed from whom, what several machines need."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

from sqlalchemy import select

from audit.model import AuditEvent
from audit.vocabulary import EventType
from composition import Composition
from kernel.settings import Settings, is_loopback, is_test_name
from operations.finding import Finding, Severity, broken, ok, warning

_EXAMPLE_ARC = "1.3.6.1.4.1.32473.1"
_LATELY = timedelta(days=2)
_WIDE = 256  # addresses of a network: more than that is no list of proxies


def settings_in_force(composition: Composition) -> Iterator[Finding]:
    """Look at the issuer, at who is believed, and at what is weaker than it should be."""
    settings = composition.settings
    yield _issuer(settings)
    yield from _proxies(settings)
    yield from _weak(settings)
    yield from _configuration_file()
    if settings.workers > 1 and not settings.redis_url:
        yield warning(
            "rate limits",
            f"Each of the {settings.workers} workers counts for itself.",
            "Set SAU_REDIS_URL; until then limits by address are that many times wider.",
        )
    if not settings.smtp_url:
        yield Finding(
            "mail",
            Severity.OK if settings.demo else Severity.BROKEN,
            "Mails stay in the database.",
            "" if settings.demo else "Set SAU_SMTP_URL: nobody can sign up or recover a password without mail.",
        )
    if not settings.sms_url:
        yield Finding(
            "short messages",
            Severity.OK if _of_tests(settings) else Severity.WARNING,
            "Short messages stay in the database.",
            "" if _of_tests(settings) else "Set SAU_SMS_URL: who has no e-mail cannot sign up or recover a password.",
        )


def several_nodes(composition: Composition) -> Iterator[Finding]:
    """Look whether several machines serve, and share the counters of limits."""
    since = composition.clock.now() - _LATELY
    with composition.database.reading() as session:
        started = session.scalars(
            select(AuditEvent.object_id)
            .where(AuditEvent.type == EventType.SERVICE_STARTED.value, AuditEvent.occurred_at >= since)
            .distinct()
        ).all()
    nodes = sorted({name.partition("@")[2] for name in started if name and name.startswith("web@")})
    if len(nodes) > 1 and not composition.settings.redis_url:
        yield warning(
            "nodes",
            f"{len(nodes)} machines serve ({', '.join(nodes[:5])}) and count limits each for itself.",
            "Set the same SAU_REDIS_URL on all of them.",
        )
    else:
        yield ok("nodes", ", ".join(nodes) or "none has started lately")


def witnesses(composition: Composition) -> Iterator[Finding]:
    """Look whether anybody outside sees that the logs only grow."""
    settings = composition.settings
    named = settings.audit_witnesses
    if named:
        yield ok("witnesses", f"{len(named)} co-sign the logs")
        return
    yield Finding(
        "witnesses",
        Severity.OK if _of_tests(settings) else Severity.WARNING,
        "Nobody outside co-signs the logs: who rules this machine and its copies can rewrite them unseen.",
        "Have others run a witness, and name them in SAU_AUDIT_WITNESSES.",
    )


def _issuer(settings: Settings) -> Finding:
    if settings.issuer.startswith("https://") or settings.demo:
        return ok("settings", f"issuer {settings.issuer}")
    return warning(
        "settings",
        f"The issuer is {settings.issuer}: not https, for this machine alone.",
        "Set SAU_ISSUER to the https address that people will see, before anything is issued.",
    )


def _proxies(settings: Settings) -> Iterator[Finding]:
    https = settings.issuer.startswith("https://")
    wide = [str(network) for network in settings.trusted_proxies if network.num_addresses > _WIDE]
    if https and not settings.trusted_proxies and is_loopback(f"http://{settings.bind}"):
        yield warning(
            "proxy",
            "The issuer is https and the service listens on loopback, but no proxy is trusted.",
            "Set SAU_TRUSTED_PROXIES to the proxy's address; until then every caller seems to be the proxy.",
        )
    elif wide:
        yield warning(
            "proxy",
            f"Whoever is in {', '.join(wide)} may say which address a request comes from, and read /metrics.",
            "Name the proxies themselves in SAU_TRUSTED_PROXIES.",
        )
    if settings.mtls_origin:
        yield _client_certificates(settings, wide)


def _client_certificates(settings: Settings, wide: list[str]) -> Finding:
    """Judge who may say which certificate a client presented."""
    check = "client certificates"
    if not settings.trusted_proxies:
        return broken(
            check,
            f"{settings.mtls_origin} is announced, but no proxy is trusted: every certificate is refused.",
            "Set SAU_TRUSTED_PROXIES to the proxy's address.",
        )
    if wide:
        return warning(
            check,
            f"Every machine in {', '.join(wide)} may claim any client certificate.",
            "Name the proxies themselves in SAU_TRUSTED_PROXIES.",
        )
    return ok(check, f"taken on {settings.mtls_origin}")


def _weak(settings: Settings) -> Iterator[Finding]:
    if settings.log_level == "debug":
        yield warning("weak settings", "SAU_LOG_LEVEL=debug logs more than a service should.", "Set it to info.")
    if _of_tests(settings):
        return
    if settings.pki_arc == _EXAMPLE_ARC:
        yield warning(
            "weak settings",
            "SAU_PKI_ARC is the arc for examples: policies in certificates are nobody's.",
            "Get an arc from the national authority or IANA, and set it before the ceremony.",
        )
    if settings.mass_revocation_people == 1:
        yield warning(
            "weak settings",
            "One person alone can revoke any number of certificates at once.",
            "Set SAU_MASS_REVOCATION_PEOPLE=2.",
        )
    if not settings.backup_keys:
        yield warning(
            "weak settings",
            "No recovery key is set: backups have nobody to be sealed to.",
            "Run 'sau recovery-key FILE' on a machine of yours and set SAU_BACKUP_KEYS.",
        )
    if not settings.keys_in_token and settings.passphrase_file.parent == settings.keystore_folder.parent:
        yield warning(
            "weak settings",
            f"The key store's passphrase stands beside it ({settings.passphrase_file}).",
            "Put it where no backup or copy of the disk takes it along: SAU_KEYSTORE_PASSPHRASE_FILE, or a token.",
        )


def _configuration_file() -> Iterator[Finding]:
    named = os.environ.get("SAU_CONFIG")
    if not named:
        return
    file = Path(named)
    if file.exists() and file.stat().st_mode & 0o007:  # its group may read it: the service is in it
        yield broken(
            "configuration file",
            f"{file} may hold passwords, and everybody on this machine can read it.",
            f"chmod 640 {file}, and change the passwords in it.",
        )


def _of_tests(settings: Settings) -> bool:
    return settings.demo or is_loopback(settings.issuer) or is_test_name(settings.issuer)
