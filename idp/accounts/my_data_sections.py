"""All that is kept about a person, section by section: a room that keeps more adds a line."""

from __future__ import annotations

from idp.accounts import person_data
from idp.accounts.my_data import Section

#: In reading order.
SECTIONS: tuple[Section, ...] = (person_data.PERSON,)
