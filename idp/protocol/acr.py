"""How strong a login must be: ``acr_values``, and ``acr`` in ``claims`` (OpenID Connect Core §3.1.2.1, §5.5.1.1)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from idp.protocol.claims_request import requested_acr
from idp.protocol.errors import RedirectableError


def required_acr(
    text: str | None, *, known: Sequence[str], minimum: str | None, claims: Mapping[str, Any] | None = None
) -> str | None:
    """Return the least strength of login for the request, or None if any will do.

    Of a wish (``acr_values``, or ``acr`` in ``claims``) the first value that we know counts, for they come in the order
    of preference; others are ignored, and the ID token says what was reached. Of an essential ``acr`` the weakest value
    that we know must be reached: each of them is good enough. The client's own minimum is never lowered.

    :param known: the values served, weakest first.
    :param minimum: what the client registered. One that is not served any more stays, and nobody reaches it.
    :param claims: the ``claims`` parameter as checked.
    :raises RedirectableError: (``unmet_authentication_requirements``) if no value of an essential ``acr`` is known.
    """
    values, essential = requested_acr(claims or {})
    wishes = [*(text or "").split(" "), *(() if essential else values)]
    wanted = [value for value in wishes if value in known][:1]
    if essential and values:
        wanted.append(min(_essential(values, known), key=known.index))
    if minimum is not None and minimum not in known:
        return minimum
    if minimum is not None:
        wanted.append(minimum)
    return max(wanted, key=known.index, default=None)


def stated_acr(reached: str, *, known: Sequence[str], minimum: str | None, claims: Mapping[str, Any]) -> str:
    """Return the ``acr`` to state of a login that reached ``reached``.

    An essential ``acr`` names what the answer may say (§5.5.1.1): the strongest of those values that this login is, and
    never less than the client's own minimum.
    """
    values, essential = requested_acr(claims)
    if not essential or not values or reached not in known:
        return reached
    floor = known.index(minimum) if minimum is not None and minimum in known else 0
    met = [value for value in values if value in known and floor <= known.index(value) <= known.index(reached)]
    return max(met, key=known.index, default=reached)


def _essential(values: Sequence[str], known: Sequence[str]) -> list[str]:
    served = [value for value in values if value in known]
    if not served:
        # OpenID Connect Core Unmet Authentication Requirements 1.0 §2: never silently lower.
        raise RedirectableError("unmet_authentication_requirements", "No acr that was asked for is reached here.")
    return served
