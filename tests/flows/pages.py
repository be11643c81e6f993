"""What a person does on the provider's pages, in a real browser."""

from __future__ import annotations

from playwright.sync_api import Page

from tests.flows.citizens import Citizen


def type_password(page: Page, citizen: Citizen) -> None:
    """Fill the first step and press its button."""
    page.fill("[name=username]", citizen.cedula)
    page.fill("[name=password]", citizen.password)
    page.click("#submit")


def type_code(page: Page, citizen: Citizen) -> None:
    """Fill the second step and press its button."""
    page.fill("[name=code]", citizen.next_code())
    page.click("#submit")


def log_in(page: Page, citizen: Citizen) -> None:
    """Go through password and second factor, and allow what is asked if anything is."""
    type_password(page, citizen)
    page.wait_for_selector("[name=code], #allow, #ingresar, #salir, #claims")
    if page.locator("[name=code]").count():
        type_code(page, citizen)
    allow_if_asked(page)


def allow_if_asked(page: Page) -> bool:
    """Press "allow" on the consent page; tell whether it was there."""
    page.wait_for_selector("#allow, #ingresar, #salir, #claims")
    if not page.locator("#allow").count():
        return False
    page.click("#allow")
    page.wait_for_selector("#ingresar, #salir, #claims")
    return True


def confirm_logout_if_asked(page: Page) -> None:
    """Press "yes" on the provider's logout page, if it asks."""
    page.wait_for_load_state()
    if page.locator("#logout-yes").count():
        page.click("#logout-yes")
        page.wait_for_load_state()
