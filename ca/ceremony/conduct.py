"""Holding a ceremony: its steps in their order, each told as it is done."""

from __future__ import annotations

import platform
import ssl
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from ca.ceremony.certificates import distinguished_name
from ca.ceremony.making import Workbench, cross_certify, make_issuing, make_root
from ca.ceremony.plan import RootPlan
from ca.ceremony.plan_file import CeremonyFile
from ca.ceremony.root_list import publish_root_list
from ca.ceremony.shares import combine, new_shares, read_share, write_share_files
from ca.ceremony.verification import Verified, openssl_version, verify_chain
from ca.issuance.authority import AuthorityRecord, authority_chain, find_authority, load_authority
from ca.issuance.moving import move_profile
from ca.locations import FULL_LIST
from ca.requests.keys import describe_key
from ca.revocation.ocsp_signer import renew_ocsp_signers
from ca.revocation.upkeep import publish_overdue_lists
from ca.serial import serial_text
from ca.transparency.promise import sequence_waiting
from kernel.errors import Conflict, Fault
from kernel.identifiers import sha256_hex


@dataclass(frozen=True)
class Step:
    """Something that was done.

    :ivar what: in the words of the minutes. :ivar facts: names and values to compare.
    """

    at: datetime
    what: str
    facts: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class MadeAuthority:
    """A certificate that the ceremony made, as the minutes show it."""

    name: str
    kind: str
    subject: str
    key: str
    serial: str
    not_before: datetime
    not_after: datetime
    certificate_sha256: str
    key_sha256: str


@dataclass(frozen=True)
class Held:
    """A ceremony that was held, or rehearsed."""

    file: CeremonyFile
    rehearsal: bool
    began_at: datetime
    ended_at: datetime
    steps: tuple[Step, ...]
    made: tuple[MadeAuthority, ...]
    verified: tuple[Verified, ...]
    software: tuple[tuple[str, str], ...]
    share_files: tuple[Path, ...] = ()


@dataclass
class _Scribe:
    """Writes down each step, and tells it."""

    bench: Workbench
    tell: Callable[[Step], None]
    steps: list[Step] = field(default_factory=list)
    made: list[MadeAuthority] = field(default_factory=list)

    def note(self, what: str, *facts: tuple[str, str]) -> None:
        step = Step(self.bench.services.clock.now(), what, facts)
        self.steps.append(step)
        self.tell(step)

    def certificate(self, name: str, kind: str, certificate: x509.Certificate) -> None:
        made = _describe(name, kind, certificate)
        self.made.append(made)
        self.note(
            f"{kind}: {name}",
            ("Titular", made.subject),
            ("Clave", made.key),
            ("Huella SHA-256 de la clave", spaced(made.key_sha256)),
            ("Huella SHA-256 del certificado", spaced(made.certificate_sha256)),
        )


def hold_ceremony(
    bench: Workbench,
    file: CeremonyFile,
    *,
    rehearsal: bool,
    shares_to: Path | None,
    tell: Callable[[Step], None] = lambda step: None,
) -> Held:
    """Do every step of the file and return what was done. What stands already is left as it is.

    :param shares_to: where the holders' pages are written, if the root's passphrase goes into shares.
    :raises Conflict: (``root_exists``) if the root of the file stands already with another key or name.
    :raises Fault: (``chain_invalid``) if what was made does not verify.
    """
    plan, services = file.plan, bench.services
    began_at = services.clock.now()
    scribe = _Scribe(bench, tell)
    scribe.note("Se leyó el archivo de la ceremonia", ("SHA-256", spaced(file.sha256)))
    share_files: tuple[Path, ...] = ()
    if plan.root is not None:
        share_files = _split_passphrase(scribe, plan.root, shares_to)
        root = make_root(bench, plan.root)
        if root.certificate.subject != distinguished_name(plan.root.subject):
            raise Conflict(f"{root.name} stands already under another name.", code="root_exists")
        scribe.certificate(root.name, "Autoridad raíz", root.certificate)
    else:
        with services.database.reading() as session:
            root = load_authority(session, plan.root_name)
        bench.roots.signer(root.key_name)
        scribe.note(f"Se abrió la clave de {root.name}", ("Huella SHA-256", spaced(sha256_hex(root.certificate_der))))
    crossed = _cross(scribe, root, plan.root.cross if plan.root else ())
    for issuing in plan.issuing:
        record = make_issuing(bench, root, issuing)
        scribe.certificate(record.name, "Autoridad emisora", record.certificate)
    for issuing in plan.issuing:
        with services.database.transaction() as session:
            for profile in issuing.profiles:
                move_profile(
                    session,
                    services=services,
                    profile=profile,
                    authority=issuing.name,
                    actor=bench.actor,
                    now=services.clock.now(),
                )
        if issuing.profiles:
            scribe.note(f"{issuing.name} emite desde ahora", ("Perfiles", ", ".join(issuing.profiles)))
    sequence_waiting(services.certificate_log, now=services.clock.now())
    scribe.note("Los certificados entraron en el registro público")
    _publish(scribe, [root.name, *(plan.root.cross if plan.root else ())])
    verified = _verify(bench, root, [issuing.name for issuing in plan.issuing], crossed)
    for one in verified:
        scribe.note(f"Se verificó {one.name} hasta {one.anchor}", ("OpenSSL", one.openssl))
    return Held(
        file=file,
        rehearsal=rehearsal,
        began_at=began_at,
        ended_at=services.clock.now(),
        steps=tuple(scribe.steps),
        made=tuple(scribe.made),
        verified=tuple(verified),
        software=_software(),
        share_files=share_files,
    )


def _split_passphrase(scribe: _Scribe, plan: RootPlan, shares_to: Path | None) -> tuple[Path, ...]:
    """Make the shares before the key: a key that nobody can open must never exist."""
    with scribe.bench.services.database.reading() as session:
        if plan.shares is None or find_authority(session, plan.name) is not None:
            return ()
    if scribe.bench.roots.has_key(plan.name):
        scribe.bench.roots.store(plan.name)
        scribe.note(
            f"Se siguió una ceremonia interrumpida: la clave de {plan.name} ya estaba, y sus partes la abrieron"
        )
        return ()
    if shares_to is None:
        raise Fault("The shares have no place to be written to.", code="no_place_for_shares")
    passphrase, shares = new_shares(plan.shares)
    scribe.bench.roots.keep(plan.name, passphrase)
    files = write_share_files(shares, shares_to, root=plan.name, needed=plan.shares.needed)
    read_back = [read_share(file.read_text("utf-8")) for file in files]
    if combine(read_back) != {shares[0].set_number: passphrase}:
        raise Fault("The pages of the shares do not give the passphrase back.", code="shares_wrong")
    scribe.note(
        f"La frase que abre {plan.name} se repartió: {plan.shares.needed} de {len(shares)} la abren",
        ("Conjunto", str(shares[0].set_number)),
        *((f"Parte {share.number}", share.holder) for share in shares),
    )
    return tuple(files)


def _cross(scribe: _Scribe, root: AuthorityRecord, others: Sequence[str]) -> list[tuple[x509.Certificate, str, str]]:
    crossed = []
    for name in others:
        with scribe.bench.services.database.reading() as session:
            other = load_authority(session, name)
        for issuer, subject in ((other, root), (root, other)):
            certificate = cross_certify(scribe.bench, issuer, subject)
            scribe.certificate(f"{subject.name} por {issuer.name}", "Certificado cruzado", certificate)
            crossed.append((certificate, subject.name, issuer.name))
    return crossed


def _publish(scribe: _Scribe, roots: Sequence[str]) -> None:
    services = scribe.bench.services
    for name in roots:
        published = publish_root_list(services, name=name, roots=scribe.bench.roots)
        scribe.note(
            f"Se publicó la lista de revocación de {name}",
            ("Número", str(published.number)),
            ("La siguiente, antes del", f"{published.next_update:%Y-%m-%d %H:%M} UTC"),
        )
    for published in publish_overdue_lists(services):
        which = "completa" if published.shard == FULL_LIST else str(published.shard)
        scribe.note(
            f"Se publicó una lista de revocación de {published.authority}",
            ("Lista", which),
            ("Número", str(published.number)),
        )
    renew_ocsp_signers(services, now=services.clock.now())


def _verify(
    bench: Workbench,
    root: AuthorityRecord,
    issuing: Sequence[str],
    crossed: Sequence[tuple[x509.Certificate, str, str]],
) -> list[Verified]:
    now = bench.services.clock.now()
    verified = [verify_chain(root.name, [root.certificate], anchor_name=root.name, now=now)]
    with bench.services.database.reading() as session:
        for name in issuing:
            chain = [record.certificate for record in authority_chain(session, load_authority(session, name).id)]
            verified.append(verify_chain(name, chain, anchor_name=root.name, now=now))
            for certificate, subject, issuer in crossed:
                if subject == root.name:
                    anchor = load_authority(session, issuer).certificate
                    verified.append(verify_chain(name, [chain[0], certificate, anchor], anchor_name=issuer, now=now))
        for certificate, subject, issuer in crossed:
            anchor = load_authority(session, issuer).certificate
            verified.append(verify_chain(subject, [certificate, anchor], anchor_name=issuer, now=now))
    return verified


def _describe(name: str, kind: str, certificate: x509.Certificate) -> MadeAuthority:
    spki = certificate.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return MadeAuthority(
        name=name,
        kind=kind,
        subject=certificate.subject.rfc4514_string(),
        key=describe_key(certificate.public_key()).replace("MLDSA", "ML-DSA-"),
        serial=serial_text(certificate.serial_number),
        not_before=certificate.not_valid_before_utc,
        not_after=certificate.not_valid_after_utc,
        certificate_sha256=sha256_hex(certificate.public_bytes(Encoding.DER)),
        key_sha256=sha256_hex(spki),
    )


def _software() -> tuple[tuple[str, str], ...]:
    def installed(package: str) -> str:
        try:
            return version(package)
        except PackageNotFoundError:
            return "sin instalar"

    program = openssl_version()
    return (
        ("sau", installed("sau")),
        ("Python", platform.python_version()),
        ("cryptography", installed("cryptography")),
        ("shamir-mnemonic", installed("shamir-mnemonic")),
        ("OpenSSL (programa)", ".".join(map(str, program)) if program else "sin instalar"),
        ("OpenSSL (Python)", ssl.OPENSSL_VERSION),
        ("Sistema", platform.platform()),
    )


def spaced(hexadecimal: str) -> str:
    """Return hexadecimal in groups of four, upper case: to be read aloud and compared."""
    text = hexadecimal.upper()
    return " ".join(text[start : start + 4] for start in range(0, len(text), 4))
