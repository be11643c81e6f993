"""Who may issue for a name, by the word of its zone (CAA, RFC 8659, with the parameters of RFC 8657)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from outgoing.name_server import CaaRecord

_KNOWN = frozenset({"issue", "issuewild", "iodef", "contactemail", "contactphone", "issuemail", "issuevmc"})


@dataclass(frozen=True)
class Asked:
    """What would be issued.

    :ivar identities: names by which records may name us.
    :ivar method: challenge type of the proof. :ivar account_uri: of the account that asks.
    """

    wildcard: bool
    identities: Sequence[str]
    method: str
    account_uri: str


class CaaForbidsError(Exception):
    """The zone does not let us issue. :ivar detail: which name says so, and why it does not fit."""

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.detail = detail


def require_caa_permission(name: str, asked: Asked, *, look_up: Callable[[str], Sequence[CaaRecord]]) -> None:
    """Check that the closest set of CAA records at or above ``name`` lets us issue; none at all lets everyone (§3).

    :param look_up: the records of exactly one name; what it raises passes through.
    :raises CaaForbidsError: if it does not.
    """
    labels = name.split(".")
    for first in range(len(labels)):
        place = ".".join(labels[first:])
        records = look_up(place)
        if records:
            _require(records, asked, place)
            return


def _require(records: Sequence[CaaRecord], asked: Asked, place: str) -> None:
    if any(record.critical and record.tag not in _KNOWN for record in records):
        raise CaaForbidsError(f"The CAA records of {place} have a critical property that is not known here.")
    issue = [record.value for record in records if record.tag == "issue"]
    wild = [record.value for record in records if record.tag == "issuewild"]
    relevant = wild if asked.wildcard and wild else issue  # §4.3: issuewild counts before issue, for wildcards only
    if not relevant:
        return  # §4.2: without such a property nobody is forbidden
    ours = ", ".join(asked.identities)
    named = [parameters for value in relevant if (parameters := _for_us(value, asked.identities)) is not None]
    if not named:
        raise CaaForbidsError(f"The CAA records of {place} do not name this authority ({ours}).")
    if not any(_fits(parameters, asked) for parameters in named):
        raise CaaForbidsError(
            f"The CAA records of {place} name this authority, but not for {asked.method} by this account."
        )


def _for_us(value: str, identities: Sequence[str]) -> dict[str, str] | None:
    """Return the parameters of a property value (§4.2) if it names us; None if another, nobody, or nothing legible."""
    domain, *rest = (part.strip() for part in value.split(";"))
    if domain.lower().rstrip(".") not in identities:
        return None
    parameters: dict[str, str] = {}
    for part in rest:
        if not part:
            continue
        tag, separator, content = part.partition("=")
        if not separator or not tag.strip().isalnum() or tag.strip().lower() in parameters:
            return None  # what cannot be read permits nothing
        parameters[tag.strip().lower()] = content.strip()
    return parameters


def _fits(parameters: dict[str, str], asked: Asked) -> bool:
    methods = parameters.get("validationmethods")
    if methods is not None and asked.method not in [method.strip().lower() for method in methods.split(",")]:
        return False
    account = parameters.get("accounturi")
    return account is None or account == asked.account_uri
