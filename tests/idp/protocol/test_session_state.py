"""Session Management 1.0 §3: a value that only the page it was made for, in the same login, can have confirmed."""

from __future__ import annotations

import hashlib

from idp.protocol.session_state import session_state

_VALUES = {"client_id": "portal", "origin": "https://portal.example", "browser_state": "b", "salt": "s"}


def test_it_is_the_digest_of_its_parts_and_the_salt() -> None:
    """As the script in the frame computes it."""
    digest = hashlib.sha256(b"portal https://portal.example b s").hexdigest()
    assert session_state(**_VALUES) == f"{digest}.s"


def test_each_part_changes_it() -> None:
    """Another application, site, login or answer has another value."""
    others = {session_state(**_VALUES | {name: "other"}) for name in _VALUES}
    assert len(others | {session_state(**_VALUES)}) == 5
