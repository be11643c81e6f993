"""A page with nothing outside itself, as PDF."""

from __future__ import annotations

from importlib import import_module

from kernel.errors import Unavailable


def as_pdf(page: str) -> bytes:
    """Return ``page`` as PDF. :raises Unavailable: (``no_pdf``) if WeasyPrint (the extra ``pdf``) is not here."""
    try:
        printer = import_module("weasyprint")
    except (ImportError, OSError) as error:  # OSError: it is here and Pango is not
        raise Unavailable("PDF is not to be had here; the page prints as well.", code="no_pdf") from error
    document: bytes = printer.HTML(string=page, url_fetcher=_nothing).write_pdf()
    return document


def _nothing(url: str) -> dict[str, object]:
    raise ValueError("a printed page fetches nothing")
