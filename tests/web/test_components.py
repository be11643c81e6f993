"""The parts of pages: escaped, described to assistive technology, passwords never coming back."""

from __future__ import annotations

import re

import pytest
from flask import Flask
from markupsafe import Markup

from web.plots import Column, bar_plot, nice_ceiling


def made(app: Flask, template: str, **context: object) -> str:
    """The markup that ``template`` makes with the components as ``c``."""
    with app.test_request_context("/"):
        text = app.jinja_env.from_string('{% import "components.html" as c %}' + template).render(**context)
    return re.sub(r"\s+", " ", text)


EVIL = '"><script>alert(1)</script>'


@pytest.mark.parametrize(
    "template",
    [
        "{{ c.field('a', x, value=x, hint=x, error=x, title=x) }}",
        "{{ c.textarea_field('a', x, value=x, hint=x, error=x) }}",
        "{{ c.select_field('a', x, [(x, x)], value=x) }}",
        "{{ c.pick('a', x, value=x, hint=x) }}",
        "{{ c.error_summary([(x, x)]) }}",
        "{{ c.button(x, name='n', value=x) }}{{ c.link_button(x, x, more=x) }}",
        "{{ c.tag('ok', x) }}{{ c.note('ok', text=x, title=x) }}{{ c.lamp('ok', x, x) }}{{ c.empty(x) }}{{ c.ref(x) }}",
        "{{ c.tabs([('a', x, x)], 'a', x) }}{{ c.steps([x, x], 1) }}{{ c.trail([(x, x), (x, '')]) }}",
        "{{ c.dl([(x, x, x)]) }}{{ c.table([x, x], [[x, x]], caption=x) }}{{ c.list_row(x, x, href=x) }}",
        "{{ c.diff_table([{'field': x, 'asked': [x], 'granted': [], 'change': 'less', 'change_text': x}]) }}",
        "{{ c.timeline([{'title': x, 'detail': x, 'state': '', 'note': x}]) }}{{ c.way(x, x, x) }}",
        "{{ c.confirm(x, x, x, x, facts=[(x, x)], changes=[x], unchanged=x, hidden={'h': x}) }}",
    ],
)
def test_what_is_handed_in_is_text_and_not_markup(app: Flask, template: str) -> None:
    """Names, reasons and certificate fields come from outside."""
    assert "<script" not in made(app, template, x=EVIL)


def test_markup_made_by_other_components_stays_markup(app: Flask) -> None:
    """A tag in a table's cell."""
    assert '<span class="tag ok">' in made(app, "{{ c.table(['A', 'B'], [['a', c.tag('ok', 'b')]]) }}")
    assert "<b>x</b>" in made(app, "{{ c.table(['A'], [[x]]) }}", x=Markup("<b>x</b>"))


def test_a_field_names_its_hint_and_its_error(app: Flask) -> None:
    """WCAG 1.3.1, 3.3.1: label, hint and error belong to the control for those who hear the page."""
    text = made(app, "{{ c.field('username', 'Cédula', hint='10 dígitos', error='Faltan', autocomplete='username') }}")
    assert '<label for="username">' in text
    assert 'aria-describedby="username-h username-e"' in text
    assert 'aria-invalid="true"' in text
    assert 'autocomplete="username"' in text
    assert "aria-" not in made(app, "{{ c.field('username', 'Cédula') }}")


@pytest.mark.parametrize("template", ["{{ c.password_field() }}", "{{ c.field('p', 'P', value=x, type='password') }}"])
def test_a_password_never_comes_back(app: Flask, template: str) -> None:
    """Typed values return, passwords never (the look)."""
    text = made(app, template, x="hunter2")
    assert "hunter2" not in text and " value=" not in text


def test_fields_can_be_pasted_into_and_filled_by_managers(app: Flask) -> None:
    """WCAG 3.3.8: no field forbids it, and each says what it is for."""
    assert 'autocomplete="current-password"' in made(app, "{{ c.password_field() }}")
    assert 'autocomplete="new-password"' in made(app, "{{ c.password_field(autocomplete='new-password') }}")
    code = made(app, "{{ c.code_field() }}")
    assert 'name="code"' in code and 'autocomplete="one-time-code"' in code and code.count("<input") == 1


def test_a_name_that_a_template_misspells_is_an_error(app: Flask) -> None:
    """An empty text where a warning should stand would go unseen."""
    with pytest.raises(Exception, match="undefined"):
        made(app, "{{ nothing_of_that_name }}")


@pytest.mark.parametrize(
    ("value", "top"), [(0, 2), (1.5, 2), (3, 4), (11, 20), (100, 100), (610, 800), (9_801, 10_000)]
)
def test_a_plots_scale_is_round_and_holds_all(value: float, top: float) -> None:
    """Its half is a round number too."""
    assert nice_ceiling(value) == top


def test_a_plot_stands_on_zero_and_gives_its_numbers(app: Flask) -> None:
    """A bar's height is its value; the table beside it has the same numbers."""
    with app.test_request_context("/"):
        plot = bar_plot(
            [Column("a", 50, 100), Column("b", 0)], title="t", label_name="L", value_name="V", usual_name="U"
        )
    assert [bar["height"] for bar in plot.bars] == [38.0, 0.0]
    assert plot.bars[0]["usual_y"] == 8.0 and plot.bars[1]["usual_y"] is None
    assert plot.rows == [["a", "50", "100"], ["b", "0", "–"]]
