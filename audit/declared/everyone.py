"""Which events the addresses of everyone write, by endpoint: none."""

from __future__ import annotations

#: They authenticate nobody and change nothing.
QUIET = frozenset(
    (
        "audit_log.certificates",
        "audit_log.checkpoint",
        "audit_log.key",
        "audit_log.proof_of_receipt",
        "audit_log.tile",
        "error_dictionary.show",
        "error_dictionary.show_all",
        "files.show",
        "operations.health",
        "operations.metrics",
        "operations.ready",
        "sheet.confirm",
        "sheet.console",
        "sheet.error",
        "sheet.sheet",
        "sheet.sign_in",
        "sheet.sign_in_with_errors",
        "shell.accessibility_page",
        "shell.help_page",
        "shell.privacy_page",
        "start.start",
    )
)
