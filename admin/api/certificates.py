"""Certificates and authorities, by the API."""

from __future__ import annotations

from datetime import datetime

from pydantic import Field

from admin.api.hidden import hidden
from admin.api.operation import Call, Document, Lines, Operation
from admin.certificate_reach import certificate_reached
from admin.certificate_search import CertificateQuery, certificates_after, status_of
from admin.hierarchy import AuthorityNode, authority_tree
from admin.permissions import Permission
from ca.issuance.model import Certificate

_RUC = Field(examples=["1768152560001"])


class CertificateDocument(Document):
    """A certificate of the register."""

    serial: str = Field(examples=["5f3a0c9d1e"], description="Lower-case hexadecimal.")
    status: str = Field(examples=["valid"], description="held, revoked, expired, signing, expiring or valid.")
    profile: str = Field(examples=["tls-server"])
    subject: str = Field(examples=["CN=portal.mintel.gob.ec,O=Ministerio,C=EC"])
    names: list[str] = Field(examples=[["portal.mintel.gob.ec"]])
    institution_ruc: str | None = _RUC
    sha256: str | None
    not_before: datetime
    not_after: datetime
    revoked_at: datetime | None
    revocation_reason: str | None


class AuthorityDocument(Document):
    """An authority and how it is. :ivar list_next_update: until when its newest revocation list counts."""

    name: str = Field(examples=["emisora-1"])
    title: str = Field(examples=["Autoridad emisora 1"])
    issuer: str | None = Field(examples=["raiz"])
    key: str = Field(examples=["EC P-384"])
    not_before: datetime
    not_after: datetime
    live_certificates: int
    list_number: int | None
    list_next_update: datetime | None
    ocsp_until: datetime | None


def list_certificates(call: Call) -> Lines:
    """Return a page of the register, within reach, by the filters of the console's page."""
    query = CertificateQuery(
        text=call.query.get("q", ""),
        status=call.query.get("status", ""),
        profile=call.query.get("profile", ""),
        institution_ruc=call.query.get("institution", ""),
        institutions=call.caller.powers.institutions(Permission.CERTIFICATES_READ),
    )
    limit = call.wanted.limit
    rows = certificates_after(call.session, query, serial=call.wanted.after, now=call.now, limit=limit + 1)
    return Lines(
        [certificate_document(row, now=call.now) for row in rows[:limit]],
        rows[limit - 1].serial if len(rows) > limit else "",
    )


def show_certificate(call: Call) -> Document:
    """Return one. :raises NotFound: for another institution's too."""
    with hidden("certificate"):
        row = certificate_reached(call.session, call.caller.powers, Permission.CERTIFICATES_READ, call.path["serial"])
    return certificate_document(row, now=call.now)


def list_authorities(call: Call) -> list[Document]:
    """Return every authority with the name of the one above it."""
    return [
        document for root in authority_tree(call.session, now=call.now) for document in _authorities(root, issuer=None)
    ]


def certificate_document(row: Certificate, *, now: datetime) -> CertificateDocument:
    """Return a certificate as it is answered."""
    return CertificateDocument(
        serial=row.serial,
        status=status_of(row, now=now),
        profile=row.profile,
        subject=row.subject,
        names=list(row.names),
        institution_ruc=row.institution_ruc,
        sha256=row.certificate_sha256,
        not_before=row.not_before,
        not_after=row.not_after,
        revoked_at=row.revoked_at,
        revocation_reason=row.revocation_reason,
    )


def _authorities(node: AuthorityNode, *, issuer: str | None) -> list[Document]:
    state = node.revocation_list
    own = AuthorityDocument(
        name=node.name,
        title=node.title,
        issuer=issuer,
        key=node.key,
        not_before=node.not_before,
        not_after=node.not_after,
        live_certificates=node.live,
        list_number=state.number if state else None,
        list_next_update=state.next_update if state else None,
        ocsp_until=node.ocsp_until,
    )
    return [own, *(each for child in node.children for each in _authorities(child, issuer=node.name))]


OPERATIONS = (
    Operation(
        name="list_certificates",
        path="/certificates",
        summary="Certificates within your reach, by serial number.",
        permission=Permission.CERTIFICATES_READ,
        item=CertificateDocument,
        handler=list_certificates,
        key="serial",
        filters=("q", "status", "profile", "institution"),
        paged=True,
        pages=("admin_certificates.show_all",),
    ),
    Operation(
        name="show_certificate",
        path="/certificates/{serial}",
        summary="One certificate.",
        permission=Permission.CERTIFICATES_READ,
        item=CertificateDocument,
        handler=show_certificate,
        pages=("admin_certificates.show",),
    ),
    Operation(
        name="list_authorities",
        path="/authorities",
        summary="Authorities, their lists and answers.",
        permission=Permission.AUTHORITIES_READ,
        item=AuthorityDocument,
        handler=list_authorities,
        key="name",
        pages=("admin_authorities.show_all",),
    ),
)
