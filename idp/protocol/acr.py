"""How a login must be: ``acr_values``, and ``acr`` in ``claims`` (OpenID Connect Core §3.1.2.1, §5.5.1.1).

There are two vocabularies: *strengths* say how somebody logged in, and each is at least the one before; *levels* say
how well it is known who he is, and each asks for a strength as well. Where both are asked for, both must be reached:
the requirement is then two values with a space between them, the one that the request itself prefers first.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

from idp.protocol.claims_request import requested_acr
from idp.protocol.errors import RedirectableError

#: Level values, lowest first, each with the strength that it asks for.
Levels = Mapping[str, str]
_NO_LEVELS: Levels = MappingProxyType({})


def required_acr(
    text: str | None,
    *,
    known: Sequence[str],
    minimum: str | None,
    claims: Mapping[str, Any] | None = None,
    levels: Levels = _NO_LEVELS,
) -> str | None:
    """Return what the login must reach for the request, or None if any will do.

    Of a wish (``acr_values``, or ``acr`` in ``claims``) the first value that we know counts, for they come in the order
    of preference; others are ignored, and the ID token says what was reached. Of an essential ``acr`` the weakest value
    that we know must be reached: each of them is good enough. The client's own minimum is never lowered.

    :param known: the strengths served, weakest first.
    :param minimum: what the client registered. One that is not served any more stays, and nobody reaches it.
    :param claims: the ``claims`` parameter as checked.
    :param levels: the levels served.
    :raises RedirectableError: (``unmet_authentication_requirements``) if no value of an essential ``acr`` is known.
    """
    served = (*known, *levels)
    values, essential = requested_acr(claims or {})
    wishes = [*(text or "").split(" "), *(() if essential else values)]
    wanted = [value for value in wishes if value in served][:1]
    if essential and values:
        wanted.append(_easiest(values, known, levels))
    if minimum is not None and minimum not in served:
        return minimum
    if minimum is not None:
        wanted.append(minimum)
    return _all_of(wanted, known, levels)


def is_reached(
    required: str | None, *, acr: str, known: Sequence[str], levels: Levels = _NO_LEVELS, level: int = 0
) -> bool:
    """Tell whether a login of the strength ``acr``, of a person of ``level``, is ``required``: all of its values.

    What nobody knows is never reached.
    """
    if required is None:
        return True
    return all(_is_one_reached(value, acr, known, levels, level) for value in required.split(" "))


def stated_acr(
    reached: str,
    *,
    known: Sequence[str],
    minimum: str | None,
    claims: Mapping[str, Any],
    required: str | None = None,
    levels: Levels = _NO_LEVELS,
    level: int = 0,
) -> str:
    """Return the ``acr`` to state of a login of the strength ``reached``, in the vocabulary that was asked.

    An essential ``acr`` names what the answer may say (§5.5.1.1): the strongest of those values that this login is, and
    never less than the client's own minimum. Else it is the highest level, if levels were asked for first, or the
    strength.

    :param required: as :func:`required_acr` returned it.
    :param level: of the person's identity.
    """
    values, essential = requested_acr(claims)
    if essential and values and reached in known:
        floor = _worth(minimum, known, levels) if minimum is not None and minimum in (*known, *levels) else (0, 0)
        met = [
            value
            for value in values
            if _is_one_reached(value, reached, known, levels, level)
            and all(mine >= least for mine, least in zip(_worth(value, known, levels), floor, strict=True))
        ]
        if met:
            return max(met, key=lambda value: _worth(value, known, levels))
    if required is not None and required.split(" ")[0] in levels:
        return highest_level(reached, known=known, levels=levels, level=level) or reached
    return reached


def highest_level(reached: str, *, known: Sequence[str], levels: Levels, level: int) -> str | None:
    """Return the highest level value that a login of this strength, of a person of ``level``, is worth."""
    met = [value for value in levels if _is_one_reached(value, reached, known, levels, level)]
    return met[-1] if met else None


def number_of(value: str | None, levels: Levels) -> int:
    """Return the highest level (1, 2, …) among the values of a requirement, 0 where it names none."""
    names = list(levels)
    return max((names.index(one) + 1 for one in (value or "").split(" ") if one in levels), default=0)


def _is_one_reached(value: str, acr: str, known: Sequence[str], levels: Levels, level: int) -> bool:
    strength = levels.get(value, value)
    if acr not in known or strength not in known or number_of(value, levels) > level:
        return False
    return known.index(acr) >= known.index(strength)


def _worth(value: str, known: Sequence[str], levels: Levels) -> tuple[int, int]:
    """Return how much a served value asks: of the login, and of what is known about the person."""
    return known.index(levels.get(value, value)), number_of(value, levels)


def _easiest(values: Sequence[str], known: Sequence[str], levels: Levels) -> str:
    served = [value for value in values if value in known or value in levels]
    if not served:
        # OpenID Connect Core Unmet Authentication Requirements 1.0 §2: never silently lower.
        raise RedirectableError("unmet_authentication_requirements", "No acr that was asked for is reached here.")
    return min(served, key=lambda value: _worth(value, known, levels))


def _all_of(wanted: Sequence[str], known: Sequence[str], levels: Levels) -> str | None:
    """Return the most that is wanted of each vocabulary; what was wanted first stands first."""
    strongest = max((value for value in wanted if value in known), key=known.index, default=None)
    highest = max((value for value in wanted if value in levels), key=list(levels).index, default=None)
    parts = [value for value in (strongest, highest) if value is not None]
    if len(parts) == 2 and wanted[0] in levels:
        parts.reverse()
    return " ".join(parts) or None
