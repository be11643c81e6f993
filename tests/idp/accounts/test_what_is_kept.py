"""Whatever is kept about a person is told to that person, and goes with the account: every table, by its columns.

A table that is new fails here until its room has a section in "my data" and a line in the erasure, or says why not.
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any

import pytest
from sqlalchemy import JSON, Boolean, Column, Integer, LargeBinary, Table, insert, select, text
from sqlalchemy.engine import Connection

from composition import Composition
from idp.accounts.life import erase_person
from idp.accounts.my_data import NOT_TOLD
from idp.accounts.my_data_sections import SECTIONS
from idp.accounts.person import add_person
from kernel.clock import ManualClock
from kernel.column_types import UtcDateTime
from kernel.database import Base

_WHO = ("person_id", "holder_id")
#: Columns that hold something about people in other words.
_OTHER = re.compile(
    r"(^|_)(cedula|passport|email|phone|contact|contacts|contact_email|officer_id|actor|subject|holder)$"
)
_ACTS = re.compile(r"_(by)$")

#: Tables that name people in another way than by ``person_id`` or ``holder_id``, each with what tells and ends it.
OTHERWISE = {
    "audit_event": "the evidence: told in the sections activity and looks; its key is destroyed",
    "audit_holder_key": "the key of what the evidence says of him; destroyed with the account",
    "audit_head": "not a person: which worker holds the lease of the log",
    "ca_log_head": "not a person: which worker holds the lease of the log",
    "idp_institution": "the contact of an institution",
    "ca_acme_account": "the contacts of an institution's program, as it gave them",
    "idp_ldap_directory": "not a person: which attribute of a directory holds the cédula",
}
#: Rows that stay when a person is erased, each with why. They hold the account's id, which then names nobody.
STAYS = {
    "ca_certificate": "what was issued stays public record: the law wants it kept (Ley 67); revoked",
    "ca_request": "what a certificate rests on: the law wants it kept; who asked is an id",
    "ca_handover": "whether a key was handed over; the key and the addresses are destroyed",
    "ca_batch_row": "a line of an institution's list, as the institution gave it",
    "admin_test_person": "a test citizen is nobody: which institution's developers made him",
    "admin_role_assignment": "which duties an id had, and who gave them: evidence; who has one is not erased before",
    "admin_console_session": "gone within a day by itself; has the id alone",
    "admin_sign_in_attempt": "gone within minutes by itself; has the id alone",
    "admin_person_case": "gone within the hour by itself; has the ids alone",
    "idp_interaction": "a login on its way, gone within a day by itself",
    "idp_authorization_code": "gone within a minute by itself; its session is ended",
    "idp_certificate_ticket": "gone within a day by itself",
    "idp_passkey_challenge": "gone within minutes by itself",
    "idp_browser_session": "ended; kept for the days in which services may ask about it, has the id alone",
    "idp_token_family": "revoked; kept until its tokens would have expired, so that they are refused",
    "idp_consent": "withdrawn; that an id once agreed is what a service shows for what it got",
    "idp_decoupled_request": "a request on its way, gone within the hour by itself",
    "idp_belonging": "ended; who gave which rights is an institution's record, of an id",
    "idp_role_assignment": "ended; who held which right is an institution's record, of an id",
    "idp_delegation": "ended; who delegated what is an institution's record, of an id",
}
#: Who did something in office, by the account's id alone: no datum about the one for whom it was done.
ACTS = {
    "approved_by", "asked_by", "changed_by", "checked_by", "closed_by", "created_by", "decided_by", "declared_by",
    "ended_by", "granted_by", "held_by", "offered_by", "prepared_by", "proposed_by", "release_asked_by", "requested_by",
    "registered_by", "seen_by", "started_by", "used_by", "withdrawn_by",
}  # fmt: skip


def _who(table: Table) -> str | None:
    return next((name for name in _WHO if name in table.columns), None)


def _with_people() -> list[Table]:
    return [table for table in Base.metadata.sorted_tables if _who(table)]


def test_every_table_with_a_person_is_told_or_says_why_not() -> None:
    """LOPDP Art. 13: nothing that is kept about a person is left out of "my data"."""
    told = {name for section in SECTIONS for name in section.tables}
    untold = {table.name for table in _with_people()} - told - set(NOT_TOLD)
    assert sorted(untold) == [], "offer a section in my_data_sections.py, or a reason in my_data.NOT_TOLD"
    names = {table.name for table in Base.metadata.sorted_tables}
    assert sorted((told | set(NOT_TOLD) | set(OTHERWISE) | set(STAYS)) - names) == [], "no such table"
    assert all(len(reason) > 10 for reason in (*NOT_TOLD.values(), *OTHERWISE.values(), *STAYS.values()))


def test_no_table_names_a_person_in_words_that_nobody_thought_of() -> None:
    """Columns that look like a person stand in a table that has one, or in a list with the reason."""
    strange = {
        f"{table.name}.{column.name}"
        for table in Base.metadata.sorted_tables
        for column in table.columns
        if (_OTHER.search(column.name) or (_ACTS.search(column.name) and column.name not in ACTS))
        and not _who(table)
        and table.name not in {*OTHERWISE, "idp_person"}
    }
    assert sorted(strange) == [], "a person by another name: tell it and erase it, or say in OTHERWISE why not"


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_every_row_about_a_person_goes_with_the_account(composition: Composition, clock: ManualClock) -> None:
    """LOPDP Art. 15: a row in each table, then the erasure; what stays is on a list with the reason, and no more."""
    with composition.database.transaction() as session:
        person = add_person(
            session,
            journal=composition.journal,
            cedula="1710034065",
            given_names="Ana María",
            surnames="Quispe",
            email="ana@correo.test",
            now=clock.now(),
        )
    filled = [table for table in _with_people() if table.name not in {"idp_person", *_NOT_MADE_UP}]
    with composition.database.engine.connect() as connection:
        connection.execute(text("PRAGMA foreign_keys=OFF"))
        for number, table in enumerate(filled):
            _fill(connection, table, person.id, number, now=clock.now())
        connection.commit()
        connection.execute(text("PRAGMA foreign_keys=ON"))
    with composition.database.transaction() as session:
        erase_person(session, services=composition.idp, person_id=person.id, actor="command", now=clock.now())
    with composition.database.reading() as session:
        left = {
            table.name
            for table in filled
            if session.execute(
                select(text("1")).select_from(table).where(table.columns[_who(table) or ""] == person.id)
            ).first()
            is not None
        }
    assert sorted(left - set(STAYS)) == [], "destroy it in idp/accounts/life.py, or say in STAYS why it is kept"


#: Rows that cannot be made up, for they stand on others; tests of their own rooms see to them.
_NOT_MADE_UP = {
    "admin_role_assignment",
    "ca_batch_row",
    "ca_certificate",
    "ca_handover",
    "ca_request",
    "idp_belonging",
    "idp_role_assignment",
}


#: Words that are read as one of ours on the way.
_WORDS = {"source": "manual"}


def _fill(connection: Connection, table: Table, person_id: str, number: int, *, now: datetime) -> None:
    values = {column.name: _made_up(column, number, now) for column in table.columns if not column.nullable}
    connection.execute(insert(table).values(values | {_who(table) or "": person_id}))


def _made_up(column: Column[Any], number: int, now: datetime) -> Any:
    kind = column.type
    if isinstance(kind, Boolean):
        return False
    if isinstance(kind, Integer):
        return 1
    if isinstance(kind, LargeBinary):
        return b"0"
    if isinstance(kind, UtcDateTime):
        return now
    if isinstance(kind, JSON):
        return []
    if column.name in _WORDS:
        return _WORDS[column.name]
    return f"{number}{column.name}"[: getattr(kind, "length", None) or 20]
