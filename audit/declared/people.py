"""Which events the pages of second steps and telephones write, by the name of the endpoint."""

from __future__ import annotations

from audit.declared.form import Declared
from audit.vocabulary import EventType

_E = EventType

ENDPOINTS: Declared = {
    "second_steps.choose": (_E.INTERACTION_STARTED,),
    "second_steps.sms": (
        _E.ACCOUNT_CHANGE_REFUSED,
        _E.INTERACTION_STARTED,
        _E.LOGIN_CODE_SENT,
        _E.LOGIN_THROTTLED,
    ),
    "second_steps.take_sms": (
        _E.ACCOUNT_CHANGE_REFUSED,
        _E.INTERACTION_STARTED,
        _E.LOGIN_CODE_SENT,
        _E.LOGIN_THROTTLED,
        _E.RECOVERY_CODES_ISSUED,
        _E.SESSION_STEPPED_UP,
        _E.SMS_CODE_ENROLLED,
    ),
    "second_steps.ask_sms_removal": (_E.INTERACTION_STARTED,),
    "second_steps.take_sms_removal": (
        _E.INTERACTION_STARTED,
        _E.SESSION_ENDED,
        _E.SMS_CODE_REMOVED,
    ),
    "second_steps.mail": (_E.INTERACTION_STARTED,),
    "second_steps.switch_mail": (
        _E.ACCOUNT_CHANGE_REFUSED,
        _E.EMAIL_CODE_ENROLLED,
        _E.EMAIL_CODE_REMOVED,
        _E.INTERACTION_STARTED,
    ),
    "second_steps.card": (_E.INTERACTION_STARTED,),
    "second_steps.card_as_pdf": (
        _E.ACCOUNT_CHANGE_REFUSED,
        _E.INTERACTION_STARTED,
    ),
    "second_steps.take_cells": (
        _E.ACCOUNT_CHANGE_REFUSED,
        _E.GRID_CARD_ENROLLED,
        _E.INTERACTION_STARTED,
        _E.LOGIN_THROTTLED,
        _E.RECOVERY_CODES_ISSUED,
        _E.SESSION_STEPPED_UP,
    ),
    "second_steps.ask_card_removal": (_E.INTERACTION_STARTED,),
    "second_steps.take_card_removal": (
        _E.GRID_CARD_REMOVED,
        _E.INTERACTION_STARTED,
        _E.SESSION_ENDED,
    ),
    "phone.page": (_E.INTERACTION_STARTED,),
    "phone.change": (
        _E.ACCOUNT_CHANGE_REFUSED,
        _E.CONTACT_VERIFICATION_SENT,
        _E.INTERACTION_STARTED,
        _E.LOGIN_THROTTLED,
    ),
    "phone.code": (_E.INTERACTION_STARTED,),
    "phone.take_code": (
        _E.ACCOUNT_CHANGE_REFUSED,
        _E.ACCOUNT_UPDATED,
        _E.CONTACT_VERIFICATION_SENT,
        _E.CONTACT_VERIFIED,
        _E.INTERACTION_STARTED,
        _E.LOGIN_THROTTLED,
        _E.RECOVERY_CODES_ISSUED,
        _E.SESSION_STEPPED_UP,
        _E.SMS_CODE_ENROLLED,
    ),
}
