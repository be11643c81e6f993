"""Whose account an entry of a directory is: by the link, else by the cédula that the institution verified.

Nothing else links: not the mail, not the name. What a directory vouches for is bounded by what the operator declared of
it, so it does not reach an account whose identity was checked better than the directory's own people are.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Session

from audit.event import Event
from audit.vocabulary import EventType
from idp.accounts.identity import parse_email, parse_name
from idp.accounts.person import VERIFIED_LEVEL, Person, add_person, find_person, find_person_by_cedula
from idp.directories.directory import Directory, Entry
from idp.directories.links import find_link, link_of_person
from idp.directories.model import DirectoryLinkRow
from idp.directory.institutions import find_institution
from idp.notices.mail import notify
from idp.rights.groups.arrival import arrive
from idp.rights.groups.follow import follow_groups
from idp.rights.groups.source import bounded
from idp.services import IdpServices
from kernel.errors import Denied, Rejected
from kernel.identifiers import new_id


def person_of_entry(
    session: Session, *, services: IdpServices, directory: Directory, entry: Entry, username: str, now: datetime
) -> str:
    """Return the id of the person, who is linked, and made if the operator wants that; the link is brought up to date.

    From here on the person works at the institution, and what the groups are worth is given, kept or taken away.

    :raises Denied: ``directory_without_cedula`` (none, or none that is one), ``directory_cedula_differs`` (the entry
        was another person's), ``directory_person_unknown``, ``directory_level_too_low``.
    """
    if not entry.cedula or not entry.key:
        raise Denied("The directory names no cédula for this account.", code="directory_without_cedula")
    link = find_link(session, directory_id=directory.id, entry_key=entry.key)
    if link is not None and find_person(session, link.person_id).cedula != entry.cedula:
        raise Denied("The directory gave this account to another person.", code="directory_cedula_differs")
    if link is None:
        person = find_person_by_cedula(session, entry.cedula)
        if person is None:
            person = _new_person(session, services, directory, entry, now=now)
        elif min(person.level, VERIFIED_LEVEL) > directory.level:
            raise Denied("This account's identity was checked better than there.", code="directory_level_too_low")
        link = _new_link(session, services, directory, entry, person, username=username, now=now)
    elif link.left_at is not None:
        link.left_at = None
        _record_link(session, services, directory, link.person_id, now=now)
    link.username, link.groups = username.casefold()[:64], bounded(entry.groups)
    link.last_login_at = link.checked_at = now
    link.missed_at = None
    session.flush()
    arrive(
        session,
        services=services,
        source=directory.source,
        person_id=link.person_id,
        user_name=link.username,
        now=now,
    )
    follow_groups(
        session,
        services=services,
        source=directory.source,
        person_id=link.person_id,
        groups=link.groups,
        logged_in_at=now,
        now=now,
    )
    return link.person_id


def _new_person(
    session: Session, services: IdpServices, directory: Directory, entry: Entry, *, now: datetime
) -> Person:
    if not directory.creates_people:
        raise Denied("Nobody with this cédula has an account here.", code="directory_person_unknown")
    try:
        given_names, surnames = parse_name(entry.given_names), parse_name(entry.surnames)
    except Rejected as error:
        raise Denied("The directory names nobody.", code="directory_without_cedula") from error
    email = _mail(entry.mail)
    # The institution gave the mailbox out itself where the address is in a domain of its own.
    verified = bool(email) and any(
        email.partition("@")[2] == each or email.endswith(f".{each}") for each in directory.domains
    )
    return add_person(
        session,
        journal=services.journal,
        cedula=entry.cedula,
        given_names=given_names,
        surnames=surnames,
        email=email if verified else "",
        email_verified=verified,
        level=directory.level,
        method="directory",
        now=now,
    )


def _new_link(
    session: Session,
    services: IdpServices,
    directory: Directory,
    entry: Entry,
    person: Person,
    *,
    username: str,
    now: datetime,
) -> DirectoryLinkRow:
    link = link_of_person(session, directory_id=directory.id, person_id=person.id)
    if link is not None:  # a new account there of the same person: who left and came back
        link.entry_key, link.left_at = entry.key[:200], None
    else:
        link = DirectoryLinkRow(
            id=new_id(),
            directory_id=directory.id,
            person_id=person.id,
            entry_key=entry.key[:200],
            username=username.casefold()[:64],
            groups=[],
            linked_at=now,
            last_login_at=now,
            checked_at=now,
        )
        session.add(link)
    _record_link(session, services, directory, person.id, now=now)
    if person.email:
        notify(
            session,
            services=services,
            person=person,
            template="institution_linked",
            context={"institution": find_institution(session, directory.institution_id).name},
            now=now,
        )
    return link


def _record_link(
    session: Session, services: IdpServices, directory: Directory, person_id: str, *, now: datetime
) -> None:
    event = Event(
        type=EventType.LDAP_PERSON_LINKED,
        subject=person_id,
        object_id=directory.id,
        details={"directory": directory.name, "institution": directory.institution_id},
    )
    services.journal.record(session, event, now=now)


def _mail(text: str) -> str:
    try:
        return parse_email(text)
    except Rejected:
        return ""
