"""Makes ``idp/authentication/common_passwords.bin`` from lists of much-used passwords.

    python scripts/common_passwords.py [LIST…]

Each LIST is a text file, perhaps gzipped, one password a line. What zxcvbn ships (MIT licence) is always in. Today's
file was made with ``common-passwords.txt.gz`` of Django 5.2 (BSD licence) beside it. Kept are passwords of six letters
or more, in the form in which they are compared, as the first six octets of their SHA-256, sorted.
"""

from __future__ import annotations

import gzip
import sys
from pathlib import Path

from zxcvbn.frequency_lists import FREQUENCY_LISTS

from idp.authentication.common_passwords import FILE, fingerprint, fold

_LEAST = 6


def main(lists: list[str]) -> None:
    """Write the file and say how many are in it."""
    found = set(FREQUENCY_LISTS["passwords"])
    for name in lists:
        path = Path(name)
        text = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
        found.update(text.decode("utf-8", "ignore").splitlines())
    kept = sorted({fingerprint(folded) for each in found if len(folded := fold(each.strip())) >= _LEAST})
    FILE.write_bytes(b"".join(kept))
    print(f"{len(kept)} passwords, {FILE.stat().st_size} octets")


if __name__ == "__main__":
    main(sys.argv[1:])
