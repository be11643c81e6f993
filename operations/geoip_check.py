"""Is the operator's file with places of addresses there, whole and fresh?"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from composition import Composition
from idp.authentication.geography import built_at
from kernel.command_line import counted
from kernel.errors import Unavailable
from operations.finding import Finding, ok, warning

_CHECK = "places of addresses"
_OLD = timedelta(days=90)  # addresses move: makers of such files renew them weekly


def places_of_addresses(composition: Composition) -> Iterator[Finding]:
    """Look at ``SAU_GEOIP_FILE``: the service works without it, and judges logins by network and device."""
    file = composition.settings.geoip_file
    if file is None:
        yield ok(_CHECK, "No file is set: logins are judged by network and device.")
        return
    try:
        made = built_at(file)
    except Unavailable:
        yield warning(
            _CHECK,
            f"{file} cannot be read: logins are judged by network and device alone.",
            "Put a file in MaxMind's format there (by rename), and install the extra geoip.",
        )
        return
    age = composition.clock.now() - made
    if age > _OLD:
        yield warning(
            _CHECK, f"{file} is {counted(age.days, 'day', 'days')} old.", "Get a newer one, and put it there by rename."
        )
    else:
        yield ok(_CHECK, f"{file} is of {made:%Y-%m-%d}.")
