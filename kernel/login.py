"""Who sits at the command line."""

from __future__ import annotations

import os
import pwd
from pathlib import Path

_LOGIN_UID = Path("/proc/self/loginuid")
_UNSET = 2**32 - 1


def login_name() -> str:
    """Return the name under which the person logged in to this machine.

    The kernel's login uid is taken where there is one: it outlives ``sudo`` and ``su``, so that two approvals by one
    person under two accounts stay one person's. Else the real user id. Never the environment: ``LOGNAME`` is a wish.
    """
    uid = _login_uid()
    if uid is None:
        uid = os.getuid()
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"uid{uid}"


def _login_uid() -> int | None:
    try:
        uid = int(_LOGIN_UID.read_text("ascii"))
    except (OSError, ValueError):
        return None
    return None if uid == _UNSET else uid
