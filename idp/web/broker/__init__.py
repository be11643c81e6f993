"""Pages of signing in through another provider: choosing one, coming back from it, and the accounts that are linked."""

from __future__ import annotations

from idp.web.broker import account, sign_in

BLUEPRINTS = (sign_in.blueprint, account.blueprint)
