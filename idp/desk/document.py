"""What an officer had before him when he said who somebody is."""

from __future__ import annotations

from dataclasses import dataclass

from kernel.errors import Rejected

DOCUMENTS = ("cedula", "passport", "refugee_card")
#: Asked of the civil registry; chip or machine-readable zone read; looked at and felt, in the light and against it.
METHODS = ("registry", "chip", "by_eye")


@dataclass(frozen=True)
class DocumentShown:
    """Which document, and how it was checked. Its number is the person's and stands nowhere again."""

    document: str
    method: str


def parse_document_shown(document: str, method: str, *, matches: bool) -> DocumentShown:
    """Return what was shown.

    :param matches: the officer says that names, number and photograph are those of the person before him.
    :raises Rejected: ``document_missing``, ``document_method_missing``, ``document_not_compared``.
    """
    if document not in DOCUMENTS:
        raise Rejected("Choose the document.", code="document_missing")
    if method not in METHODS:
        raise Rejected("Choose how it was checked.", code="document_method_missing")
    if not matches:
        raise Rejected("Compare it first.", code="document_not_compared")
    return DocumentShown(document, method)
