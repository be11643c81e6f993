"""Adding a second step: the page that lists all kinds, and those of codes by message, by mail, and printed cards."""

from __future__ import annotations

from idp.web.second_steps import card as card
from idp.web.second_steps import choice as choice
from idp.web.second_steps import mail as mail
from idp.web.second_steps import sms as sms
from idp.web.second_steps.blueprint import blueprint as blueprint
