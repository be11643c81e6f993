"""The vocabulary keeps its grammar, and its page keeps up with it."""

from __future__ import annotations

import re
from pathlib import Path

from audit.journal import COLUMNS
from audit.model import AuditEvent
from audit.vocabulary import EventType
from audit.vocabulary_reference import reference

PAGE = Path(__file__).parents[2] / "docs" / "events.md"


def test_names_are_house_subject_action() -> None:
    """Architecture, "Evidence": ``house:subject:action``, short enough for its column."""
    for kind in EventType:
        assert re.fullmatch(r"(idp|keys|ca|admin|audit|service|web)(:[a-z][a-z0-9_]*){2}", kind.value), kind
        assert len(kind.value) <= COLUMNS["type"]


def test_the_reference_page_is_current() -> None:
    """Run ``python -m audit.vocabulary_reference > docs/events.md``."""
    assert PAGE.read_text("utf-8") == reference()


def test_texts_are_cut_to_the_width_of_their_columns() -> None:
    """PostgreSQL refuses a longer one, and with it the event."""
    for name, width in COLUMNS.items():
        assert AuditEvent.__table__.c[name].type.length == width
