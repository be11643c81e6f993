"""The form of a declaration."""

from __future__ import annotations

from collections.abc import Mapping

from audit.vocabulary import EventType

#: By the name of who acts: the event types that it may write.
Declared = Mapping[str, tuple[EventType, ...]]
