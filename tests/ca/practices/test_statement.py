"""The certification practice statement: whole, true to its tests, and completed by who runs the service."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from ca.practices.statement import LANGUAGES, example, filled, packaged_statement, statement
from ca.practices.values import statement_values
from ca.profiles.registry import packaged_profiles
from kernel.errors import Rejected
from kernel.settings import Settings
from tests.architecture.source import defined_tests

# RFC 3647 §6: how many sections each chapter has, and how many parts each of them.
OUTLINE: dict[int, tuple[int, ...]] = {
    1: (0, 0, 5, 2, 4, 0),
    2: (0, 0, 0, 0),
    3: (6, 6, 2, 0),
    4: (2, 3, 2, 3, 2, 7, 7, 7, 16, 3, 0, 2),
    5: (8, 4, 8, 8, 7, 0, 4, 0),
    6: (7, 11, 2, 3, 2, 3, 0, 0),
    7: (9, 2, 2),
    8: (0, 0, 0, 0, 0, 0),
    9: (5, 3, 3, 7, 0, 5, 0, 0, 0, 3, 0, 3, 0, 0, 0, 5, 0),
}


def test_the_outline_of_rfc_3647_is_whole() -> None:
    """RFC 3647 §6: every number has its place, in order, or stands under a section that speaks for all its parts."""
    clauses = {clause.number: clause for clause in packaged_statement()}
    expected = []
    for chapter, sections in OUTLINE.items():
        expected.append(str(chapter))
        for section, parts in enumerate(sections, 1):
            number = f"{chapter}.{section}"
            expected.append(number)
            whole = clauses[number]
            if not parts or f"{number}.1" not in clauses:
                assert whole.text or whole.operator, number
                continue
            expected += [f"{number}.{part}" for part in range(1, parts + 1)]
    assert [clause.number for clause in packaged_statement()] == expected
    silent = [
        clause.number
        for clause in packaged_statement()
        if clause.depth == 3 and clause.text is None and not clause.operator
    ]
    assert silent == []


def test_every_test_that_is_named_exists() -> None:
    """A practice that nothing holds is a wish."""
    named = {test for clause in packaged_statement() for test in clause.tests}
    assert len(named) > 120
    assert sorted(named - defined_tests()) == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_text_is_filled_with_what_is_in_force(language: str) -> None:
    """No lifetime is written twice: it comes from where it is decided."""
    values = statement_values(Settings(pki_arc="2.999.7"), packaged_profiles(), organization="Registro X")
    texts = [filled(clause.text, values, language) for clause in packaged_statement() if clause.text]
    assert not any("{" in text for text in texts)
    whole = "\n".join(texts)
    assert "2.999.7.2" in whole
    assert "Registro X" in whole
    assert "tls-server 199" in whole


def test_what_is_declared_stands_beside_what_the_program_says(tmp_path: Path) -> None:
    """And never in its place; what nobody declared is open."""
    open_before = [clause.number for clause in packaged_statement() if clause.is_open]
    file = tmp_path / "practices.yaml"
    file.write_text('"5.1.1": {es: "Dos centros en Quito y Guayaquil.", en: "Two centres in Quito and Guayaquil."}\n')
    declared = {clause.number: clause for clause in statement(file)}
    assert declared["5.1.1"].declared is not None
    assert declared["5.1.1"].declared.within("qu") == "Dos centros en Quito y Guayaquil."
    assert [number for number, clause in declared.items() if clause.is_open] == [
        number for number in open_before if number != "5.1.1"
    ]
    assert declared["4.9.1"].text == next(clause.text for clause in packaged_statement() if clause.number == "4.9.1")


def test_the_example_names_every_open_clause_and_is_taken_when_filled_in(tmp_path: Path) -> None:
    """Who fills it in has declared everything."""
    filled_in = example(packaged_statement()).replace('# "', '"').replace("#   e", "  e").replace("…", "Dicho.")
    file = tmp_path / "practices.yaml"
    file.write_text(filled_in, "utf-8")
    assert len(yaml.safe_load(filled_in)) == sum(clause.is_open for clause in packaged_statement())
    assert not any(clause.is_open for clause in statement(file))


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ('"5.9.9": {es: a, en: b}', "no clause 5.9.9"),
        ('"5.1.1": {es: a}', "5.1.1.en"),
        ("- a", "wrong: the file"),
        ("a: [", "not YAML"),
        ("\xff", "not YAML"),
        ("#" + "a" * 600_000, "longer than"),
    ],
    ids=["unknown", "one-language", "list", "broken", "octets", "long"],
)
def test_a_file_that_is_wrong_is_named_with_its_place(tmp_path: Path, content: str, said: str) -> None:
    """Nothing is declared by half."""
    file = tmp_path / "practices.yaml"
    file.write_bytes(content.encode("latin-1"))
    with pytest.raises(Rejected, match=said):
        statement(file)


def test_a_file_that_is_not_there_is_said(tmp_path: Path) -> None:
    """With its name."""
    with pytest.raises(Rejected, match=r"none\.yaml cannot be read"):
        statement(tmp_path / "none.yaml")
