"""Certificates: the register, one certificate, its files, and its revocation."""

from __future__ import annotations

from datetime import datetime

from cryptography import x509
from flask import Blueprint, Response, redirect, request, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as WerkzeugResponse

from admin.certificate_reach import certificate_reached
from admin.certificate_search import (
    CertificateQuery,
    count_certificates,
    search_certificates,
    status_of,
)
from admin.certificate_view import colons, deliver, describe_certificate
from admin.overview import ECUADOR
from admin.permissions import Permission
from admin.web import words
from admin.web.accessor import services
from admin.web.forms import Typed, typed_form
from admin.web.gate import operator, requires, typed_before
from admin.web.listing import Filter, Head, asked_listing
from admin.web.problems import problem
from audit.event import Event
from audit.vocabulary import EventType
from ca.issuance.authority import authority_chain
from ca.issuance.model import Certificate
from ca.revocation.hold import find_hold, may_be_held
from ca.revocation.reason import RevocationReason
from ca.revocation.revoke import is_authority_certificate, preview_revocation, revoke_certificate
from idp.accounts.person import find_person
from idp.directory.institutions import list_institutions
from kernel.errors import Conflict, Denied, NotFound, Rejected, ServiceError
from web.pages import render

blueprint = Blueprint("admin_certificates", __name__, url_prefix="/admin/certificates", template_folder="../templates")
_STATUS_CHOICES = (
    ("", _l("Todos")),
    ("valid", _l("Vigentes")),
    ("expiring", _l("Vencen en 30 días")),
    ("expired", _l("Vencidos")),
    ("held", _l("Suspendidos")),
    ("revoked", _l("Revocados")),
)
_HEADS = (
    Head("subject", _l("Sujeto")),
    Head("profile", _l("Perfil")),
    Head("institution", _l("Institución")),
    Head("issued", _l("Emitido"), "down"),
    Head("expires", _l("Vence"), "up"),
    Head("status", _l("Estado")),
    Head("serial", _l("Serie"), "up"),
)
USES: dict[str, words.Text] = {
    "digital_signature": _l("Firma digital"),
    "content_commitment": _l("No repudio"),
    "key_encipherment": _l("Cifrado de claves"),
    "data_encipherment": _l("Cifrado de datos"),
    "key_agreement": _l("Acuerdo de claves"),
    "key_cert_sign": _l("Firma de certificados"),
    "crl_sign": _l("Firma de listas de revocación"),
}


@blueprint.get("")
@requires(Permission.CERTIFICATES_READ)
def show_all() -> Response:
    """The register, by the filters in the address."""
    now = services().clock.now()
    titles = {item.name: words.translated(item.title) for item in services().ca.profiles.list()}
    with services().database.reading() as session:
        institutions = _institution_names(session)
        listing = asked_listing(
            ".show_all",
            heads=_HEADS,
            filters=(
                Filter("q", _l("Nombre, serie o huella")),
                Filter("status", _l("Estado"), _STATUS_CHOICES),
                Filter("profile", _l("Perfil"), [("", _("Todos")), *titles.items()]),
                Filter("institution", _l("Institución"), [("", _("Todas")), *institutions.items()]),
            ),
            order="-issued",
        )
        query = CertificateQuery(
            text=listing.typed["q"],
            status=listing.typed["status"],
            profile=listing.typed["profile"],
            institution_ruc=listing.typed["institution"],
            institutions=operator().powers.institutions(Permission.CERTIFICATES_READ),
        )
        listing = listing.counted(count_certificates(session, query, now=now))
        found = search_certificates(
            session,
            query,
            now=now,
            limit=listing.size,
            offset=listing.offset,
            order=listing.order,
            descending=listing.descending,
        )
    return render(
        "admin/certificates.html",
        listing=listing.showing(found),
        statuses={item.serial: words.CERTIFICATE_STATUSES[status_of(item, now=now)] for item in found},
        institutions=institutions,
        display_name=display_name,
        may_revoke=operator().powers.allow(Permission.CERTIFICATES_REVOKE),
        may_request=operator().powers.allow(Permission.CERTIFICATES_REQUEST),
        profile_titles=titles,
    )


@blueprint.get("/<serial>")
@requires(Permission.CERTIFICATES_READ)
def show(serial: str) -> Response:
    """One certificate."""
    now = services().clock.now()
    with services().database.reading() as session:
        certificate = reachable(session, serial, Permission.CERTIFICATES_READ)
        chain = authority_chain(session, certificate.authority_id)
        holder = _person_name(session, certificate.holder_id)
        institutions = _institution_names(session)
        hold = find_hold(session, certificate.serial)
    fields = None
    if certificate.certificate_der is not None:
        loaded = x509.load_der_x509_certificate(certificate.certificate_der)
        fields = describe_certificate(loaded, fingerprint=certificate.certificate_sha256 or "")
    powers = operator().powers
    return render(
        "admin/certificate.html",
        certificate=certificate,
        fields=fields,
        chain=chain,
        holder=holder,
        institution=institutions.get(certificate.institution_ruc or "", certificate.institution_ruc),
        state=words.CERTIFICATE_STATUSES[status_of(certificate, now=now)],
        uses=USES,
        extended_uses=words.EXTENDED_USES,
        attributes=words.SUBJECT_ATTRIBUTES,
        profile=_profile_title(certificate.profile),
        reason_words=words.reason_words,
        serial_text=colons(certificate.serial),
        tbs_sha256=colons(certificate.certificate_sha256 or ""),
        title=display_name(certificate),
        may_revoke=powers.allow(Permission.CERTIFICATES_REVOKE) and certificate.not_after >= now,
        hold=hold,
        may_hold=powers.allow(Permission.CERTIFICATES_HOLD)
        and certificate.not_after >= now
        and (hold is not None or (certificate.revoked_at is None and may_be_held(services().ca, certificate))),
        may_search=powers.allow(Permission.AUDIT_SEARCH),
    )


@blueprint.get("/<serial>/files/<form>")
@requires(Permission.CERTIFICATES_READ)
def download(serial: str, form: str) -> Response:
    """Hand out the certificate, alone or with its issuers; on record."""
    service = services()
    with service.database.transaction() as session:
        certificate = reachable(session, serial, Permission.CERTIFICATES_READ)
        delivery = deliver(session, certificate, form, now=service.clock.now())
        service.journal.record(
            session,
            Event(
                type=EventType.CERTIFICATE_DELIVERED,
                actor=operator().person_id,
                object_id=certificate.serial,
                details={"form": form},
            ),
            now=service.clock.now(),
        )
    answer = Response(delivery.content, mimetype=delivery.mimetype)
    answer.headers.set("Content-Disposition", "attachment", filename=delivery.file_name)
    return answer


@blueprint.get("/<serial>/revoke")
@requires(Permission.CERTIFICATES_REVOKE)
def revoke_form(serial: str) -> Response:
    """The form: reason, and since when the key may be in foreign hands."""
    return _form(serial, typed=typed_before(), errors={})


@blueprint.post("/<serial>/revoke")
@requires(Permission.CERTIFICATES_REVOKE, fresh=True)
def revoke(serial: str) -> WerkzeugResponse:
    """Show what will stop working; when that was seen and confirmed, revoke."""
    service = services()
    now = service.clock.now()
    typed = typed_form(("reason", "compromised_at"))
    try:
        compromised_at = _moment(typed["compromised_at"])
        if not typed["reason"]:
            raise Rejected(code="revocation_reason_missing")
        with service.database.transaction() as session:
            certificate = reachable(session, serial, Permission.CERTIFICATES_REVOKE)
            if request.form.get("step") != "confirm":
                preview = preview_revocation(session, serial=certificate.serial, reason=typed["reason"], now=now)
                if compromised_at and not preview.blocks_key:
                    raise Rejected(code="compromise_date_without_compromise")
                if compromised_at and compromised_at > now:
                    raise Rejected(code="compromise_in_future")
                return render(
                    "admin/certificate_revoke_confirm.html",
                    certificate=certificate,
                    preview=preview,
                    typed=typed,
                    compromised_at=compromised_at,
                    reason=words.reason_words(typed["reason"]),
                    title=display_name(certificate),
                    serial_text=colons(certificate.serial),
                )
            revoke_certificate(
                session,
                services=service.ca,
                serial=certificate.serial,
                reason=typed["reason"],
                compromised_at=compromised_at,
                actor=operator().person_id,
                now=now,
            )
    except (Rejected, Conflict, Denied) as error:
        field = "compromised_at" if error.code.startswith(("compromise_", "bad_moment")) else "reason"
        return _form(serial, typed=typed, errors={field: problem(error)}, status=422)
    return redirect(url_for(".show", serial=serial), 303)


def display_name(certificate: Certificate) -> str:
    """Return what to call the certificate: its first name, else the common name of its subject."""
    if certificate.names:
        return certificate.names[0]
    for part in certificate.subject.split(","):
        if part.startswith("CN="):
            return part.removeprefix("CN=")
    return certificate.subject


def _form(serial: str, *, typed: Typed, errors: dict[str, str], status: int = 200) -> Response:
    with services().database.reading() as session:
        certificate = reachable(session, serial, Permission.CERTIFICATES_REVOKE)
    left_out = (
        RevocationReason.KEY_COMPROMISE if is_authority_certificate(certificate) else RevocationReason.CA_COMPROMISE
    )
    order = [name for name in words.REVOCATION_REASONS if name != left_out.value]
    return render(
        "admin/certificate_revoke.html",
        status,
        certificate=certificate,
        reasons=[(name, *words.REVOCATION_REASONS[name]) for name in order],
        typed=typed,
        errors=errors,
        title=display_name(certificate),
        serial_text=colons(certificate.serial),
    )


def reachable(session: Session, serial: str, permission: Permission) -> Certificate:
    """:raises NotFound: if there is none, or it is another institution's."""
    return certificate_reached(session, operator().powers, permission, serial)


def _moment(text: str) -> datetime | None:
    """Return the moment typed into a date-and-time field, which is Ecuador's. :raises Rejected: ``bad_moment``."""
    if not text:
        return None
    try:
        return datetime.fromisoformat(text).replace(tzinfo=ECUADOR)
    except ValueError as error:
        raise Rejected("This is no date and time.", code="bad_moment") from error


def _institution_names(session: Session) -> dict[str, str]:
    reach = operator().powers.institutions(Permission.CERTIFICATES_READ)
    return {item.ruc: item.name for item in list_institutions(session) if reach is None or item.ruc in reach}


def _profile_title(name: str) -> str:
    try:
        return words.translated(services().ca.profiles.get(name).title)
    except NotFound:
        return name


def _person_name(session: Session, person_id: str | None) -> str:
    if person_id is None:
        return ""
    try:
        return find_person(session, person_id).name
    except ServiceError:
        return person_id
