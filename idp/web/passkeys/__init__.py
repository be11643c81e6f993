"""HTTP of passkeys: logging in with one, and a person's own."""

from __future__ import annotations

from idp.web.passkeys import account as account
from idp.web.passkeys import login as login
