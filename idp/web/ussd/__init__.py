"""Views of approvals by USSD: the gateway's door, and the person's switch."""

from __future__ import annotations

from idp.web.ussd import account, gateway

BLUEPRINTS = (gateway.blueprint, account.blueprint)
