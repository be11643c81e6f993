"""The HTML form of a mail, made from its text: one source, two forms.

No image, script or font, nothing fetched from anywhere: opening the mail tells nobody. Styles stand in the elements,
because many mailboxes drop the rest; the ``style`` element only adds the dark colours.
"""

from __future__ import annotations

from jinja2 import Environment, PackageLoader, StrictUndefined

from idp.notices.structure import blocks
from idp.notices.texts import Text

_HTML_LANG = {"es": "es-EC", "en": "en", "qu": "qu"}
_TEMPLATES = Environment(
    loader=PackageLoader("idp.notices"),
    undefined=StrictUndefined,
    autoescape=True,
    trim_blocks=True,
    lstrip_blocks=True,
)


def html_of(text: Text, *, issuer: str) -> str:
    """Return the mail ``text`` as an HTML document; only addresses at ``issuer`` are links."""
    return _TEMPLATES.get_template("mail.html").render(
        subject=text.subject, parts=blocks(text.body, issuer=issuer), lang=_HTML_LANG.get(text.language, text.language)
    )
