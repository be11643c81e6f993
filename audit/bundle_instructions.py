"""What a bundle says to whoever opens it: a court's expert, years later, without us."""

from __future__ import annotations

_ENGLISH = """\
{title} {origin}: {size} records.

WHAT THIS PROVES. Each record was hashed and put into a Merkle tree (RFC 6962, SHA-256) whose head
the service signed within a second. A record that was changed, removed, inserted or moved afterwards
no longer leads to the signed head. Witnesses, programs of others, co-signed heads only as long as
each continued the one before: who holds the service's own key could not change that.

FILES
{files}log-key.txt         the public key of the log (C2SP signed-note, Ed25519). Compare it with one got elsewhere.
log-key.pem         if present: the certificate of that key, issued by the authority, and those above it up to the root
witnesses.txt       if present: the witnesses' public keys. Compare them with what the witnesses themselves say.

HOW TO CHECK IT without the service: get examples/verify_log.py of the project SAU (under 200 lines,
needs Python 3 and its package "cryptography"), read it, and run

    python verify_log.py THIS-FILE --key KEY --witness WITNESS-KEY --root ROOT.pem

with keys and root that you got elsewhere. It says "good", or names the first bad record. {more}

{privacy}
"""

_SPANISH = """\
{title} {origin}: {size} registros.

QUÉ PRUEBA. De cada registro se calculó un resumen (SHA-256) que entró en un árbol de Merkle (RFC
6962), y el servicio firmó la raíz en menos de un segundo. Un registro cambiado, retirado, añadido o
movido después ya no lleva a la raíz firmada. Los testigos, programas de otras instituciones,
firmaron también las raíces, y solo mientras cada una continuaba la anterior: ni quien tuviera la
clave del servicio podría cambiarlo.

ARCHIVOS
{files}log-key.txt         la clave pública del registro (C2SP signed-note, Ed25519). Compárela con otra ajena.
log-key.pem         si está: el certificado de esa clave, emitido por la autoridad, y los superiores hasta la raíz
witnesses.txt       si está: las claves públicas de los testigos. Compárelas con lo que digan ellos mismos.

CÓMO COMPROBARLO sin el servicio: obtenga examples/verify_log.py del proyecto SAU (menos de 200
líneas; necesita Python 3 y su paquete «cryptography»), léalo y ejecute

    python verify_log.py ESTE-ARCHIVO --key CLAVE --witness CLAVE-DEL-TESTIGO --root RAIZ.pem

con claves y raíz obtenidas por otro camino. Dice «good» (todo bien), o nombra el primer registro
malo. {more}

{privacy}
"""

_FILES = {
    ("en", False): """\
leaves.jsonl        one record a line, in the order of the log; line N (from 0) is leaf N of the tree
leaf-hashes.txt     hex of SHA-256(0x00 || line without its newline), a line each; tells which record was changed
checkpoints.jsonl   the signed heads, smallest tree first; "note" is a C2SP tlog-checkpoint with its cosignatures
""",
    ("en", True): """\
proofs/ID.json      one record each ("leaf"), the hashes from it to a signed head, and that head with its cosignatures
""",
    ("es", False): """\
leaves.jsonl        un registro por línea, en el orden del registro; la línea N (desde 0) es la hoja N del árbol
leaf-hashes.txt     SHA-256(0x00 || línea sin su fin), en hexadecimal; dice qué registro se cambió
checkpoints.jsonl   las raíces firmadas, del árbol menor al mayor; «note» es un C2SP tlog-checkpoint con sus cofirmas
""",
    ("es", True): """\
proofs/ID.json      cada registro («leaf»), los resúmenes que llevan de él a una raíz firmada, y esa raíz cofirmada
""",
}
_MORE = {
    ("en", False): "The service's own program does the same: {command} --bundle THIS-FILE --key KEY.",
    ("en", True): "Only the records that were asked for are here; each is proved by itself.",
    ("es", False): "El programa del servicio hace lo mismo: {command} --bundle ESTE-ARCHIVO --key CLAVE.",
    ("es", True): "Aquí están solo los registros pedidos; cada uno se prueba por sí mismo.",
}


def instructions(language: str, selected: bool) -> str:
    """Return the text, to be filled in with ``title``, ``origin``, ``size``, ``privacy`` and ``command``.

    :param language: ``es`` or ``en``. :param selected: whether the bundle holds single events.
    """
    text = _SPANISH if language == "es" else _ENGLISH
    return text.replace("{files}", _FILES[language, selected]).replace("{more}", _MORE[language, selected])
