"""The person's own pages: one module a page, all on one blueprint; a new page is a module and a line here.

Its place in the row of pages is a line in ``navigation.py``.
"""

from __future__ import annotations

from idp.web.account_pages import activity as activity
from idp.web.account_pages import certificates as certificates
from idp.web.account_pages import connected as connected
from idp.web.account_pages import deletion as deletion
from idp.web.account_pages import devices as devices
from idp.web.account_pages import home as home
from idp.web.account_pages import language as language
from idp.web.account_pages import my_data as my_data
from idp.web.account_pages import password as password
from idp.web.account_pages import profile as profile
from idp.web.account_pages import recovery as recovery
from idp.web.account_pages import rectification as rectification
from idp.web.account_pages import reports as reports
from idp.web.account_pages import rights as rights
from idp.web.account_pages import security as security
from idp.web.account_pages import sessions as sessions
from idp.web.account_pages import staying as staying
from idp.web.account_pages.blueprint import blueprint as blueprint
