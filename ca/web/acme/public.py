"""What needs no account: the directory, nonces, renewal information."""

from __future__ import annotations

from flask import Blueprint, Response, request

from ca.acme.addresses import PREFIX
from ca.acme.profiles import offered_profiles
from ca.acme.prove import caa_identities
from ca.acme.renewal import ASK_AGAIN, renewal_info
from ca.locations import cps_url
from ca.web.acme.frame import addresses, answer, nonce, wrap
from ca.web.services import services
from web.rate_limit import limit

blueprint = Blueprint("acme", __name__, url_prefix=PREFIX)
wrap(blueprint)


@blueprint.get("/directory")
def directory() -> Response:
    """Where everything is (RFC 8555 §7.1.1)."""
    at, issuer = addresses(), services().settings.issuer
    response = answer(
        {
            "newNonce": at.new_nonce,
            "newAccount": at.new_account,
            "newOrder": at.new_order,
            "revokeCert": at.revoke_certificate,
            "keyChange": at.key_change,
            "renewalInfo": at.renewal_info,
            "meta": {
                "termsOfService": cps_url(issuer),
                "website": f"{issuer}/pki/",
                "caaIdentities": list(caa_identities(services())),
                "externalAccountRequired": True,
                "profiles": {name: profile.explanation for name, profile in offered_profiles(services()).items()},
            },
        }
    ).response()
    response.cache_control.public = True
    response.cache_control.max_age = 3600
    return response


@blueprint.route("/new-nonce", methods=["GET", "HEAD"])
def new_nonce() -> Response:
    """A nonce (§7.2): 200 to HEAD, 204 to GET."""
    response = Response(status=200 if request.method == "HEAD" else 204)
    response.headers["Replay-Nonce"] = nonce()
    response.headers["Cache-Control"] = "no-store"
    response.headers.add("Link", f'<{addresses().directory}>;rel="index"')
    return response


@blueprint.get("/renewal-info/<certificate_id>")
@limit("120 per minute", methods=("GET",))
def renewal_information(certificate_id: str) -> Response:
    """When to renew (RFC 9773 §4.1); asked without a signature."""
    now = services().clock.now()
    with services().database.reading() as reading:
        info = renewal_info(reading, services=services(), certificate_id=certificate_id, now=now)
    response = answer(info.to_json()).response()
    response.headers["Retry-After"] = str(int(ASK_AGAIN.total_seconds()))
    return response
