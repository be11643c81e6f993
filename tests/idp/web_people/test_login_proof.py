"""A citizen takes the proof of a login along."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from flask import Flask

from audit.sequencer import Sequencer
from audit.services import ensure_log_key
from composition import Composition
from idp.accounts.person import Person
from tests.idp.web_people.conftest import CEDULA, Walker

VERIFIER = Path(__file__).parents[3] / "examples" / "verify_log.py"
OTHER = "0923456719"


def test_a_citizen_downloads_the_proof_of_a_login(
    app: Flask, walker: Walker, make_person: Callable[..., Person], composition: Composition, tmp_path: Path
) -> None:
    """The independent verifier accepts the file; it holds nothing that names the person; nobody else gets it."""
    ensure_log_key(composition.keystore)
    make_person()
    walker.follow(walker.log_in())
    activity = walker.get("/account/activity").text
    (page_path,) = set(re.findall(r"/account/activity/[0-9a-z]{26}/proof", activity))
    page = walker.get(page_path)
    assert "Constancia de ingreso" in page.text
    assert f"{page_path}.json" in page.text
    assert walker.get(f"{page_path}.json").status_code == 503  # it has no place in the log yet
    Sequencer(composition.audit).run()
    answer = walker.get(f"{page_path}.json")
    assert answer.status_code == 200
    assert re.search(r"attachment; filename=.constancia-[0-9a-z]{26}.json.", answer.headers["Content-Disposition"])
    for told in (CEDULA, "Quispe", "correo.test", "203.0.113.7"):
        assert told not in answer.text
    assert json.loads(json.loads(answer.text)["leaf"])["type"] == "idp:session:started"
    (tmp_path / "proof.json").write_text(answer.text)
    key = composition.audit.log_key(composition.audit.origin)
    command = [sys.executable, "-I", str(VERIFIER), "--proof", str(tmp_path / "proof.json"), "--key", str(key)]
    outcome = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert outcome.returncode == 0, outcome.stderr
    make_person(OTHER)
    stranger = Walker(app)
    stranger.follow(stranger.log_in(OTHER))
    assert stranger.get(page_path).status_code == 404
    assert stranger.get(f"{page_path}.json").status_code == 404
    assert Walker(app).get(f"{page_path}.json").status_code == 303


def test_only_logins_have_a_proof(walker: Walker, make_person: Callable[..., Person]) -> None:
    """An operator's act about the person names the operator: that record is for auditors."""
    make_person()
    walker.follow(walker.log_in())
    activity = walker.get("/account/activity").text
    created = re.findall(r"/account/activity/([0-9a-z]{26})/disown", activity)[-1]
    assert f"{created}/proof" not in activity
    assert walker.get(f"/account/activity/{created}/proof").status_code == 404
    assert walker.get(f"/account/activity/{created}/proof.json").status_code == 404
