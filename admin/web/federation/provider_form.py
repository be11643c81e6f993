"""The form that describes another provider: read into what the register takes, filled from what it has."""

from __future__ import annotations

from flask import request

from admin.web.federation.place import pairs_of, words_of
from admin.web.forms import Typed
from idp.broker.provider import Provider, extra_scopes, strength_words
from idp.broker.register import WantedProvider
from kernel.errors import Rejected
from kernel.secret_text import SecretText

_TEXTS = (
    "name",
    "title",
    "ruc",
    "issuer",
    "client_id",
    "proof",
    "scopes",
    "domains",
    "cedula_claim",
    "strengths",
    "level",
    "creates_people",
    "groups_claim",
    "logs_out_there",
)
FIELDS = {
    "bad_provider_name": "name",
    "provider_exists": "name",
    "unknown_institution": "ruc",
    "bad_ruc": "ruc",
    "bad_issuer": "issuer",
    "bad_discovery": "issuer",
    "bad_provider": "client_id",
    "secret_missing": "secret",
    "bad_scope": "scopes",
    "bad_domain": "domains",
    "bad_claim": "cedula_claim",
    "bad_strength": "strengths",
    "bad_level": "level",
    "changed_meanwhile": "title",
}


def typed_provider() -> Typed:
    """Return what was typed, without the secret."""
    return Typed({name: request.form.get(name, "").strip()[:4000] for name in _TEXTS})


def wanted_provider(typed: Typed, *, has_secret: bool) -> WantedProvider:
    """Return the provider that was typed. The secret is read here and goes nowhere else.

    :param has_secret: whether one is kept, so that an empty field means that one.
    :raises Rejected: ``secret_missing``, ``bad_level``, ``bad_strength``.
    """
    if not typed["ruc"]:
        raise Rejected("Choose an institution.", code="unknown_institution")
    secret = request.form.get("secret", "")
    if typed["proof"] not in ("secret", "key"):
        raise Rejected("Say how this service proves itself there.", code="bad_proof")
    if typed["proof"] == "secret" and not secret and not has_secret:
        raise Rejected("Give our secret there, or let our key prove us.", code="secret_missing")
    if typed["level"] not in ("1", "2"):
        raise Rejected("A provider vouches for level 1 or 2.", code="bad_level")
    return WantedProvider(
        name=typed["name"],
        title=typed["title"],
        ruc=typed["ruc"],
        issuer=typed["issuer"],
        client_id=typed["client_id"],
        secret=SecretText(secret) if secret and typed["proof"] == "secret" else None,
        scopes=words_of(typed["scopes"]),
        domains=words_of(typed["domains"]),
        cedula_claim=typed["cedula_claim"],
        strengths=pairs_of(typed["strengths"], code="bad_strength"),
        level=int(typed["level"]),
        creates_people=bool(typed["creates_people"]),
        groups_claim=typed["groups_claim"],
        logs_out_there=bool(typed["logs_out_there"]),
    )


def typed_from_provider(provider: Provider, *, ruc: str) -> Typed:
    """Return the form as it is filled for a provider that stands. The secret is not among it."""
    return Typed(
        {
            "name": provider.name,
            "title": provider.title,
            "ruc": ruc,
            "issuer": provider.discovered.issuer,
            "client_id": provider.client_id,
            "proof": "secret" if provider.secret else "key",
            "scopes": " ".join(extra_scopes(provider.scope)),
            "domains": "\n".join(provider.domains),
            "cedula_claim": provider.cedula_claim,
            "strengths": strength_lines(provider),
            "level": str(provider.level),
            "creates_people": "1" if provider.creates_people else "",
            "groups_claim": provider.groups_claim,
            "logs_out_there": "1" if provider.logs_out_there else "",
        }
    )


def strength_lines(provider: Provider) -> str:
    """Return what their words are worth, a line each, as it is typed."""
    return "\n".join(f"{value} = {worth}" for value, worth in strength_words(provider.strengths).items())
