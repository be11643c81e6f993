"""Ceremony files as people write them."""

from __future__ import annotations

FIRST = """\
format: 1
title: Ceremonia de prueba
place: Quito
witnesses:
  - {name: Rosa Chimbo, role: Maestra de ceremonia}
  - {name: Elena Quishpe, role: Auditora}
root:
  name: root
  subject: {common_name: Raíz de Prueba, organization: Pruebas}
  key: P-384
  path_length: 2
issuing:
  - name: issuing-tls
    subject: {common_name: Emisora TLS, organization: Pruebas}
    permitted: {dns: [gob.ec], addresses: [10.0.0.0/8]}
    policies: [2.23.140.1.2.2, 1.3.6.1.4.1.32473.1.2.7]
    cps: https://ca.example/cps
    profiles: [tls-server]
  - name: issuing-people
    subject: {common_name: Emisora Personas, organization: Pruebas}
    key: P-384
    excluded: {dns: [example]}
    profiles: [institution-seal, person-authentication]
"""

SHARES = FIRST.replace(
    "  path_length: 2\n",
    "  path_length: 2\n  shares: {needed: 2, holders: [Rosa Chimbo, Elena Quishpe, Marco Saltos]}\n",
)

LATER = """\
format: 1
title: Otra emisora
place: Quito
witnesses:
  - {name: Rosa Chimbo, role: Maestra de ceremonia}
  - {name: Elena Quishpe, role: Auditora}
under: root
issuing:
  - name: issuing-seals
    subject: {common_name: Emisora Sellos, organization: Pruebas}
    profiles: [institution-seal]
"""
