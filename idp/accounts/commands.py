"""``sau user``."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import click

from idp.accounts.document import columns_of, is_passport, parse_document
from idp.accounts.identity import parse_cedula, parse_email, parse_name
from idp.accounts.life import disable_person, enable_person, erase_person, verify_identity
from idp.accounts.person import Person, add_person, find_person, find_person_by_document, list_people
from idp.authentication.browser_session import list_browser_sessions
from idp.authentication.enrollment_link import create_enrollment_link
from idp.authentication.password import hash_password, store_password
from idp.authentication.password_rules import require_acceptable_password
from idp.authentication.recovery_codes import count_recovery_codes, remove_recovery_codes
from idp.authentication.totp import list_totp, remove_totp
from idp.services import IdpServices
from kernel.command_line import json_option, print_record, print_records
from kernel.errors import NotFound, Rejected
from kernel.secret_text import SecretText


def user_commands(load: Callable[[], IdpServices]) -> click.Group:
    """Return the group ``user``."""

    @click.group()
    def user() -> None:
        """People who can log in."""

    @user.command()
    @click.option("--cedula", help="10 digits.")
    @click.option("--passport", help="Of one without a cédula: state, hyphen, number, e.g. COL-AB123456.")
    @click.option("--email", required=True, help="Where mails go; one mailbox may serve several people.")
    @click.option("--name", required=True, help='"GIVEN NAMES, SURNAMES", or with the middle as the border.')
    @click.option("--level", type=click.IntRange(1, 3), default=1, help="Level of identity that was checked.")
    @click.option("--password-stdin", is_flag=True, help="Read the password from the standard input.")
    @json_option
    def add(
        cedula: str | None,
        passport: str | None,
        email: str,
        name: str,
        level: int,
        password_stdin: bool,
        as_json: bool,
    ) -> None:
        """Add a person; without a password, print a one-time link by which he sets his own."""
        # What is wrong with the input is said before anything is opened: a bad line makes no home.
        given_names, surnames = _split_name(parse_name(name.replace(",", " ")) if "," not in name else name)
        if (cedula is None) == (passport is None):
            raise Rejected("Say who it is by --cedula or by --passport.", code="username_missing")
        document, email = parse_cedula(cedula) if cedula else parse_document(passport or ""), parse_email(email)
        if passport is not None and not is_passport(document):
            raise Rejected("A passport begins with the three letters of its state.", code="passport_unclear")
        phc = None
        if password_stdin:
            password = SecretText(sys.stdin.readline().rstrip("\r\n"))
            require_acceptable_password(password, cedula=document, names=[given_names, surnames], email=email)
            phc = hash_password(password)
        services = load()
        now = services.clock.now()
        with services.database.transaction() as session:
            person = add_person(
                session,
                journal=services.journal,
                cedula=columns_of(document)["cedula"],
                passport=columns_of(document)["passport"],
                given_names=given_names,
                surnames=surnames,
                email=email,
                level=level,
                now=now,
            )
            record = _record(person)
            if phc is not None:
                store_password(
                    session, journal=services.journal, person_id=person.id, phc=phc, reason="operator", now=now
                )
            else:
                link = create_enrollment_link(session, journal=services.journal, person_id=person.id, now=now)
                record["link"] = f"{services.settings.issuer}/enroll/{link.token}"
                record["link_expires_at"] = link.expires_at
        print_record(record, as_json=as_json)

    @user.command("list")
    @json_option
    def list_(as_json: bool) -> None:
        """List people, newest first."""
        with load().database.reading() as session:
            print_records([_record(person) for person in list_people(session)], as_json=as_json)

    @user.command()
    @click.argument("id")
    @json_option
    def show(id: str, as_json: bool) -> None:
        """Show the person with this id, cédula or passport."""
        services = load()
        with services.database.reading() as session:
            person = _find(session, id)
            record = _record(person)
            record["second_factors"] = len(list_totp(session, person.id))
            record["recovery_codes"] = count_recovery_codes(session, person.id)
            record["sessions"] = len(list_browser_sessions(session, person_id=person.id, now=services.clock.now()))
        print_record(record, as_json=as_json)

    @user.command()
    @click.argument("id")
    @json_option
    def disable(id: str, as_json: bool) -> None:
        """Disable a person: sessions end, data stay."""
        services = load()
        with services.database.transaction() as session:
            person = disable_person(
                session,
                services=services,
                person_id=_find(session, id).id,
                actor="command",
                now=services.clock.now(),
            )
        print_record(_record(person), as_json=as_json)

    @user.command()
    @click.argument("id")
    @json_option
    def enable(id: str, as_json: bool) -> None:
        """Let a disabled person in again."""
        services = load()
        with services.database.transaction() as session:
            person = enable_person(
                session,
                services=services,
                person_id=_find(session, id).id,
                actor="command",
                now=services.clock.now(),
            )
        print_record(_record(person), as_json=as_json)

    @user.command()
    @click.argument("id")
    @click.option("--level", type=click.IntRange(1, 2), default=2, help="1: taken back; 2: registry or desk.")
    @json_option
    def verify(id: str, level: int, as_json: bool) -> None:
        """Note that the person's identity was checked, against the registry or at a desk."""
        services = load()
        with services.database.transaction() as session:
            person = verify_identity(
                session,
                services=services,
                person_id=_find(session, id).id,
                level=level,
                actor="command",
                now=services.clock.now(),
            )
        print_record(_record(person), as_json=as_json)

    @user.command()
    @click.argument("id")
    @click.option("--yes", is_flag=True, help="Do not ask.")
    @click.option("--dry-run", is_flag=True, help="Say who it is and change nothing.")
    @json_option
    def erase(id: str, yes: bool, dry_run: bool, as_json: bool) -> None:
        """Destroy a person's data for good; what the evidence says about him becomes unreadable."""
        services = load()
        with services.database.reading() as session:
            person = _find(session, id)
        if dry_run:
            print_record(_record(person), as_json=as_json)
            return
        if not yes and sys.stdin.isatty():
            click.confirm(f"Erase {person.name} ({person.document}) for good?", abort=True, err=True)
        with services.database.transaction() as session:
            erase_person(session, services=services, person_id=person.id, actor="command", now=services.clock.now())
        print_record({"id": person.id, "status": "erased"}, as_json=as_json)

    @user.command()
    @click.argument("id")
    @click.option("--reset-second-factor", is_flag=True, help="Remove the second factor first: for a lost telephone.")
    @json_option
    def link(id: str, reset_second_factor: bool, as_json: bool) -> None:
        """Make a new one-time link for a person; an older one dies."""
        services, now = load(), load().clock.now()
        with services.database.transaction() as session:
            person = _find(session, id)
            if reset_second_factor:
                remove_totp(session, services=services, person_id=person.id, factor_id=None, now=now)
                remove_recovery_codes(session, person_id=person.id)
            made = create_enrollment_link(session, journal=services.journal, person_id=person.id, now=now)
        record = {
            "id": person.id,
            "link": f"{services.settings.issuer}/enroll/{made.token}",
            "link_expires_at": made.expires_at,
        }
        print_record(record, as_json=as_json)

    return user


def _find(session: Any, text: str) -> Person:
    """Return the person by id, cédula or passport. :raises NotFound: (``unknown_person``)."""
    if len(text) == 26:
        return find_person(session, text)
    try:
        person = find_person_by_document(session, parse_document(text))
    except Rejected:
        person = None
    if person is None:
        raise NotFound("There is no such person.", code="unknown_person")
    return person


def _split_name(name: str) -> tuple[str, str]:
    """Split a full name: at a comma, else in the middle (two given names and two surnames are the rule here)."""
    if "," in name:
        given_names, _, surnames = name.partition(",")
        return parse_name(given_names), parse_name(surnames)
    words = name.split()
    if len(words) == 1:
        return words[0], words[0]
    middle = max(1, len(words) // 2)
    return " ".join(words[:middle]), " ".join(words[middle:])


def _record(person: Person) -> dict[str, Any]:
    return {
        "id": person.id,
        "cedula": person.cedula,
        "passport": person.passport,
        "name": person.name,
        "email": person.email,
        "email_verified": person.email_verified,
        "phone": person.phone,
        "phone_verified": person.phone_verified,
        "level": person.level,
        "status": person.status,
        "created_at": person.created_at,
    }
