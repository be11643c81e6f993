"""Two accounts in one hand: where somebody else has to decide, another account of the same person does not.

Two cédulas are two people: the register gives each one, and no two accounts have the same. An account without one (a
foreigner's passport, a provider's account) may be the other account of anybody, so there the names are compared.
Whoever shares a mailbox or a telephone can take the other's account back by it, and is held for one hand too: somebody
else then decides, and nobody is harmed.
"""

from __future__ import annotations

import unicodedata

from sqlalchemy.orm import Session

from idp.accounts.person import Person, find_person
from kernel.errors import NotFound


def in_one_hand(session: Session, actor: str, person: Person) -> bool:
    """Tell whether ``actor`` is the person, as far as we can see: the same account, or another of the same person."""
    if actor == person.id:
        return True
    try:
        return are_one_hand(find_person(session, actor), person)
    except NotFound:
        return False  # a command or a client


def accounts_in_one_hand(session: Session, actor: str, other: str) -> bool:
    """Tell the same of two actors; commands and clients are themselves alone."""
    if actor == other:
        return True
    try:
        return in_one_hand(session, actor, find_person(session, other))
    except NotFound:
        return False


def are_one_hand(one: Person, other: Person) -> bool:
    """Tell whether two accounts are of one person, as far as their data say."""
    if one.id == other.id:
        return True
    if one.email and one.email.casefold() == other.email.casefold():
        return True
    if one.phone and one.phone == other.phone:
        return True
    if one.cedula and other.cedula:
        return False
    if one.birth_date and other.birth_date and one.birth_date != other.birth_date:
        return False
    ours, theirs = _words(one), _words(other)
    # A directory or a passport may leave the second name or surname out; one word in common is half the country.
    return min(len(ours), len(theirs)) > 1 and (ours <= theirs or theirs <= ours)


def _words(person: Person) -> frozenset[str]:
    plain = unicodedata.normalize("NFKD", person.name.casefold())
    letters = "".join(each if each.isalpha() else " " for each in plain if not unicodedata.combining(each))
    return frozenset(letters.split())
