"""``acr_values``: how strong a login must be (OpenID Connect Core §3.1.2.1, §5.5.1.1)."""

from __future__ import annotations

from collections.abc import Sequence


def required_acr(text: str | None, *, known: Sequence[str], minimum: str | None) -> str | None:
    """Return the least strength of login for the request, or None if any will do.

    The first value that we know counts, for they come in the order of preference; others are ignored, since
    ``acr_values`` is voluntary, and the ID token says what was reached. The client's own minimum is never lowered.

    :param known: the values served, weakest first.
    :param minimum: what the client registered. One that is not served any more stays, and nobody reaches it.
    """
    wanted = [value for value in (text or "").split(" ") if value in known][:1]
    if minimum is not None and minimum not in known:
        return minimum
    if minimum is not None:
        wanted.append(minimum)
    return max(wanted, key=known.index, default=None)
