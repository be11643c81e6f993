"""Our own few files: small, compressed, cached for a year under a name that changes with them."""

from __future__ import annotations

import gzip
import re
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from tests.web.conftest import MakeApp

ROOT = Path(__file__).resolve().parents[2]
#: Mailboxes keep only styles in the elements; the others become paper, and no browser sees them.
NO_PAGES = (
    ROOT / "idp/notices/templates/mail.html",
    ROOT / "idp/web/templates/idp/account/my_data_pdf.html",
    ROOT / "idp/web/templates/idp/steps/card_print.html",
)
TEMPLATES = [
    template
    for house in ("web", "idp", "ca", "admin")
    for template in sorted((ROOT / house).rglob("templates/**/*.html"))
    if template not in NO_PAGES
]


def addresses(page: str) -> list[str]:
    """Addresses of what a page loads by itself."""
    return re.findall(r'(?:<link [^>]*href|<img [^>]*src|<script [^>]*src)="([^"]+)"', page)


def test_a_file_is_cached_for_a_year_under_its_fingerprint_and_shortly_under_another(client: FlaskClient) -> None:
    """RFC 8246 immutable; two releases side by side must both find their style."""
    (icon, style) = addresses(client.get("/ayuda").text)
    assert "immutable" in client.get(style).headers["Cache-Control"]
    assert "immutable" in client.get(icon).headers["Cache-Control"]
    old = re.sub(r"/static/[0-9a-f]+/", "/static/0000000000000000/", style)
    assert client.get(old).status_code == 200
    assert "immutable" not in client.get(old).headers["Cache-Control"]


def test_files_are_compressed_for_those_who_take_it(client: FlaskClient) -> None:
    """RFC 9110 §8.4."""
    (_, style) = addresses(client.get("/ayuda").text)
    packed = client.get(style, headers={"Accept-Encoding": "gzip"})
    assert packed.headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(packed.data) == client.get(style).data
    assert packed.headers["Vary"] == "Accept-Encoding"
    assert "Set-Cookie" not in packed.headers


@pytest.mark.parametrize("name", ["nothing.css", "..%2Fstate.py", "tokens.css"])
def test_only_our_files_are_served(client: FlaskClient, name: str) -> None:
    """Names, not paths."""
    assert client.get(f"/static/x/{name}").status_code == 404


def test_sign_in_weighs_at_most_30_kb_in_at_most_5_requests(client: FlaskClient) -> None:
    """Experience, "Everyone"; the page itself counts uncompressed, as a proxy may leave it."""
    page = client.get("/muestrario/ingreso")
    files = [client.get(address, headers={"Accept-Encoding": "gzip"}) for address in addresses(page.text)]
    assert 1 + len(files) <= 5
    assert len(page.data) + sum(len(file.data) for file in files) <= 30_000


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_no_template_has_inline_style_or_script(template: Path) -> None:
    """The policy would block it, and Trusted Types with it."""
    text = template.read_text()
    ours = re.compile(r"<script src=.\{\{ static_url\(\S+\) \}\}. defer></script>")
    assert not re.search(r"<script|<style|\sstyle=|\son[a-z]+=|javascript:", ours.sub("", text))


def test_the_component_sheet_is_not_shown_to_the_public(make_app: MakeApp) -> None:
    """Loopback and .test only."""
    assert make_app(issuer="https://sau.gob.ec").test_client().get("/muestrario").status_code == 404
    assert make_app(issuer="https://sau.test").test_client().get("/muestrario").status_code == 200
