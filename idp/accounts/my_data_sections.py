"""All that is kept about a person, section by section: a room that keeps more adds a line."""

from __future__ import annotations

import idp.authentication.own_data
import idp.codes.own_data
import idp.consent.own_data
import idp.desk.own_data
import idp.levels.own_data
import idp.notices.own_data
import idp.rights.own_data
from idp.accounts import authority_data, person_data
from idp.accounts.my_data import Section
from idp.accounts.my_data_rest import rest_of
from idp.broker.links import LINKED
from idp.directories import my_data as directories

#: In reading order.
SECTIONS: tuple[Section, ...] = (
    person_data.PERSON,
    person_data.WAITING_CONTACTS,
    person_data.RECTIFICATIONS,
    person_data.WISHES,
    idp.levels.own_data.LEVELS,
    idp.desk.own_data.IDENTITY_CHECKS,
    idp.desk.own_data.RECOVERIES,
    idp.desk.own_data.REPORTS,
    idp.authentication.own_data.FACTORS,
    idp.codes.own_data.SENT_CODES,
    idp.authentication.own_data.SESSIONS,
    idp.authentication.own_data.DEVICES,
    idp.authentication.own_data.PLACES,
    idp.consent.own_data.CONSENTS,
    idp.consent.own_data.AUTHORIZATIONS,
    idp.consent.own_data.REQUESTS,
    idp.notices.own_data.MESSAGES,
    authority_data.CERTIFICATES,
    authority_data.CERTIFICATE_REQUESTS,
    authority_data.DUTIES,
    idp.rights.own_data.BELONGINGS,
    idp.rights.own_data.RIGHTS,
    rest_of(lambda: SECTIONS),
    idp.authentication.own_data.LOOKED,
    idp.authentication.own_data.ACTIVITY,
    directories.INSTITUTIONS,
    LINKED,
)
