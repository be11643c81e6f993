"""QR codes as images inside the page: no other request, no script."""

from __future__ import annotations

import segno


def qr_image(text: str) -> str:
    """Return ``text`` as a QR code in a ``data:`` address (SVG, black on white in every colour scheme)."""
    code = segno.make(text, error="m", micro=False)
    return str(code.svg_data_uri(scale=5, border=4, dark="#000", light="#fff"))


def spaced_key(key: str) -> str:
    """Return a base32 key in groups of four, as it is read and typed."""
    return " ".join(key[start : start + 4] for start in range(0, len(key), 4))
