"""What the account's own views stand on."""

from __future__ import annotations

from flask import Blueprint

from audit.vocabulary import EventType
from idp.web.refused_steps import person_logged_in, record_refusals

blueprint = Blueprint("account", __name__, template_folder="../templates", url_prefix="/account")
record_refusals(blueprint, EventType.ACCOUNT_CHANGE_REFUSED, person_logged_in)
