"""People: who they are and how they can be reached."""

from idp.accounts.person import Person, find_person, find_person_by_cedula

__all__ = ["Person", "find_person", "find_person_by_cedula"]
