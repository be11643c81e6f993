"""By which an application proves who it is, by the API: its secrets, its public keys, a certificate of ours."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import Field

from admin.api.bounds import CSR_FIELDS
from admin.api.hidden import hidden
from admin.api.operation import Call, Document, Done, Nothing, Operation
from admin.applications.keys import (
    change_keys,
    complete_certificate,
    may_have_certificate,
    request_certificate,
    rotate,
    withdraw,
)
from admin.applications.reach import application_reached
from admin.permissions import Permission
from idp.clients.auth_method import AuthMethod
from idp.clients.client import Client, hold_client
from idp.clients.client_secret import list_secrets

_P = Permission.APPLICATIONS_WRITE
_LONGEST = 64_000


class SecretDocument(Document):
    """That there is a secret, never what it is."""

    id: str = Field(examples=["01KAR0Z6Q0S4V1J3H8M5T2N7XG"])
    created_at: datetime
    expires_at: datetime | None = Field(description="Null: until it is replaced.")


class KeysDocument(Document):
    """What an application proves itself with."""

    client_id: str = Field(examples=["01KAR0Z6Q0S4V1J3H8M5T2N7XD"])
    method: AuthMethod
    secrets: list[SecretDocument]
    jwks: dict[str, Any] | None = Field(description="Public keys that are registered.")
    jwks_uri: str | None = Field(description="Where it publishes them instead.")
    may_have_certificate: bool


class NewSecret(Document):
    """For how many days the secret before stays valid; 0: it ends now."""

    overlap_days: Literal[0, 1, 7, 30] = Field(default=7, examples=[7])


class MadeSecretDocument(Document):
    """The new secret. It is told here alone."""

    client_secret: str = Field(examples=["b64url-de-32-octetos"])
    keys: KeysDocument


class NewKeys(Document):
    """Public keys in place of those that are registered: themselves, or where they are published."""

    jwks: dict[Annotated[str, Field(max_length=64)], Any] | None = Field(default=None, max_length=20)
    jwks_uri: str | None = Field(default=None, max_length=2000, examples=["https://portal.gob.ec/jwks"])


class CertificateAsked(Document):
    """A PKCS #10 request in PEM: its key counts, its names do not."""

    csr: str = Field(min_length=1, max_length=_LONGEST, examples=["-----BEGIN CERTIFICATE REQUEST-----\n…"])


class ClientCertificateDocument(Document):
    """A certificate by which an application authenticates (RFC 8705)."""

    request_id: str = Field(examples=["01KAR0Z6Q0S4V1J3H8M5T2N7XH"])
    serial: str = Field(examples=["5f3a9c"], description="Empty as long as the authority's key does not answer.")
    subject_dn: str = Field(examples=["CN=Portal de trámites,O=Ministerio,C=EC"])
    chain_pem: str = Field(examples=["-----BEGIN CERTIFICATE-----\n…"], description="With what is above it; no root.")


def show(call: Call) -> Document:
    """Return what it proves itself with."""
    return _document(call, _reached(call))


def hold(call: Call) -> None:
    """Hold its row: of two changes at once the second one sees the first."""
    hold_client(call.session, _reached(call).client_id)


def make_secret(call: Call) -> Document:
    """Make a new secret."""
    body: NewSecret = call.body
    client = _reached(call)
    secret = rotate(
        call.session,
        services=call.services.idp,
        client=client,
        overlap_days=body.overlap_days,
        actor=call.caller.actor,
        now=call.now,
    )
    return MadeSecretDocument(client_secret=secret.reveal(), keys=_document(call, client))


def withdraw_one(call: Call) -> Document:
    """End one secret now."""
    withdraw(
        call.session,
        services=call.services.idp,
        client=_reached(call),
        secret_id=call.path["secret_id"],
        actor=call.caller.actor,
        now=call.now,
    )
    return show(call)


def set_keys(call: Call) -> Document:
    """Register other public keys, or another address of them."""
    body: NewKeys = call.body
    client = _reached(call)
    changed = change_keys(
        call.session,
        services=call.services.idp,
        client=client,
        jwks=body.jwks,
        jwks_uri=body.jwks_uri,
        seen_version=client.version,  # held, and If-Match said what was seen
        actor=call.caller.actor,
        now=call.now,
    )
    return _document(call, changed)


def ask_certificate(call: Call) -> Document:
    """Have a certificate approved; it is signed after the commit."""
    body: CertificateAsked = call.body
    request_id = request_certificate(
        call.session,
        services=call.services.idp,
        client=_reached(call),
        csr=body.csr,
        actor=call.caller.actor,
        now=call.now,
    )
    return ClientCertificateDocument(request_id=request_id, serial="", subject_dn="", chain_pem="")


def sign(done: Done) -> Document:
    """Sign it. :raises Unavailable: the authority's key is away; the same call with the same key tries again."""
    issued = complete_certificate(services=done.services.idp, request_id=done.document.request_id, now=done.now)
    told: ClientCertificateDocument = done.document
    return told.model_copy(
        update={"serial": issued.serial, "subject_dn": issued.subject_dn, "chain_pem": issued.chain_pem}
    )


def _reached(call: Call) -> Client:
    with hidden("client"):
        return application_reached(call.session, call.caller.powers, _P, call.path["client_id"])


def _document(call: Call, client: Client) -> KeysDocument:
    return KeysDocument(
        client_id=client.client_id,
        method=client.auth_method,
        secrets=[
            SecretDocument(id=each.id, created_at=each.created_at, expires_at=each.expires_at)
            for each in list_secrets(call.session, client_id=client.client_id, now=call.now)
        ],
        jwks=client.jwks,
        jwks_uri=client.metadata.jwks_uri,
        may_have_certificate=may_have_certificate(client),
    )


_AT = "/applications/{client_id}"
OPERATIONS = (
    Operation(
        name="show_application_keys",
        path=f"{_AT}/keys",
        summary="What an application proves itself with: which secrets there are, and its public keys.",
        permission=_P,
        item=KeysDocument,
        handler=show,
        pages=("admin_applications.show_keys",),
    ),
    Operation(
        name="set_application_keys",
        path=f"{_AT}/keys",
        summary="Register other public keys, or another address of them; its contacts are told.",
        permission=_P,
        item=KeysDocument,
        handler=set_keys,
        method="PUT",
        body=NewKeys,
        fresh=True,
        shown_by=show,
        lock=hold,
        fields={"bad_jwks": "jwks", "nothing_changed": "jwks"},
        pages=("admin_applications.set_keys",),
    ),
    Operation(
        name="make_application_secret",
        path=f"{_AT}/secrets",
        summary="Make a new secret, told once; the one before serves as long as you say. Its contacts are told.",
        permission=_P,
        item=MadeSecretDocument,
        handler=make_secret,
        method="POST",
        body=NewSecret,
        status=201,
        fresh=True,
        fields={"bad_overlap": "overlap_days"},
        pages=("admin_applications.make_secret",),
    ),
    Operation(
        name="withdraw_application_secret",
        path=f"{_AT}/secrets/{{secret_id}}",
        summary="End one secret now; the last one stays. `If-Match`: of what it proves itself with.",
        permission=_P,
        item=KeysDocument,
        handler=withdraw_one,
        method="DELETE",
        body=Nothing,
        fresh=True,
        shown_by=show,
        lock=hold,
        pages=("admin_applications.withdraw_one_secret",),
    ),
    Operation(
        name="make_application_certificate",
        path=f"{_AT}/certificates",
        summary="Have a certificate by which it authenticates, in production; from then on by that alone.",
        permission=_P,
        item=ClientCertificateDocument,
        handler=ask_certificate,
        method="POST",
        body=CertificateAsked,
        status=201,
        fresh=True,
        after=sign,
        fields=CSR_FIELDS,
        pages=("admin_applications.make_certificate",),
    ),
)
