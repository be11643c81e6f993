"""Verifies an exported log or a single proof. Shares no code with the service: read it, it is the whole rule.

  python verify_log.py LOG.zip [--root PEM] | --proof PROOF.json [--txn TXN] [--key KEY] [--witness KEY]... [--quorum N]

Needs Python 3.10 and "cryptography" 42 (for witnesses by ML-DSA: 47). Get keys (NAME+ID+KEY) and root from elsewhere:
else the file is held against itself. --txn is in your ID token, --quorum says how many witnesses must have co-signed.
Exit status: 0 good, 1 bad (the first bad record is named), 2 wrong use.
"""

import argparse
import base64
import functools
import hashlib
import importlib
import json
import pathlib
import struct
import sys
import zipfile

from cryptography import x509
from cryptography.exceptions import InvalidSignature

LOG, WITNESS, WITNESS_ML_DSA = 1, 4, 6  # types of signature (C2SP signed-note)
Bad = type("Bad", (Exception,), {})  # what is wrong, in a sentence


def sha256(*parts):
    return hashlib.sha256(b"".join(parts)).digest()


def add(stack, digest):
    """Grow a Merkle tree (RFC 6962 section 2.1), kept as a stack of (height, hash), like a binary counter."""
    height = 0
    while stack and stack[-1][0] == height:
        digest, height = sha256(b"\1", stack.pop()[1], digest), height + 1
    stack.append((height, digest))


class Key:  # the public key of a log or a witness, written NAME+ID+KEY
    def __init__(self, text, *kinds):
        try:
            self.name, identifier, encoded = text.strip().split("+", 2)
            octets = base64.b64decode(encoded, validate=True)
            self.identifier = sha256(self.name.encode(), b"\n", octets)[:4]
            self.kind, self.public = octets[0], octets[1:]
            family, name = ("mldsa", "MLDSA44") if self.kind == WITNESS_ML_DSA else ("ed25519", "Ed25519")
            module = importlib.import_module(f"cryptography.hazmat.primitives.asymmetric.{family}")
            self.verifier = getattr(module, f"{name}PublicKey").from_public_bytes(self.public)
        except (ValueError, IndexError) as error:
            raise Bad("a key is not of the form NAME+ID+KEY") from error
        if self.kind not in kinds or self.identifier.hex() != identifier:
            raise Bad("a key is of another kind, or does not have the id that it states")

    def signed(self, note):
        """Tell whether the note has a signature of this key, which must then hold."""
        text, _, signatures = note.rpartition("\n\n")
        for line in signatures.splitlines():
            dash, name, encoded = [*line.split(" "), "", ""][:3]
            octets = base64.b64decode(encoded)
            if (dash, name, octets[:4]) == ("\u2014", self.name, self.identifier):
                begin = 4 if self.kind == LOG else 12  # a witness says when, in eight octets (C2SP tlog-cosignature)
                self.verifier.verify(octets[begin:], self.message(text, octets[4:begin]))
                return True
        return False

    def message(self, text, moment):
        if self.kind != WITNESS_ML_DSA:
            when = f"cosignature/v1\ntime {int.from_bytes(moment, 'big')}\n" if self.kind == WITNESS else ""
            return f"{when}{text}\n".encode()
        origin, size, root = text.split("\n")[:3]
        name, log = (bytes([len(each)]) + each for each in (self.name.encode(), origin.encode()))
        return b"subtree/v1\n\0" + name + moment + log + struct.pack(">QQ", 0, int(size)) + base64.b64decode(root)


class Keys:  # who must have signed: the log, and a quorum of witnesses
    def __init__(self, options, stated):
        self.log = Key(options.key or stated, LOG)
        self.witnesses = [Key(text, WITNESS, WITNESS_ML_DSA) for text in set(options.witness)]
        self.quorum = options.quorum if options.quorum is not None else min(1, len(self.witnesses))

    def open_checkpoint(self, note):
        origin, size, root = note.split("\n")[:3]
        if origin != self.log.name or not self.log.signed(note):
            raise Bad("a checkpoint is of another log, or not signed by the key")
        return int(size), base64.b64decode(root), sum(witness.signed(note) for witness in self.witnesses)


def check_certificates(pem, key, root_path):
    """The first certificate is the log key's; each is issued by the next, an authority; the last is the root."""
    chain = x509.load_pem_x509_certificates(pem)
    if chain[0].public_key().public_bytes_raw() != key.public:
        raise Bad("the certificate is not that of the log's key")
    if root_path and x509.load_pem_x509_certificate(pathlib.Path(root_path).read_bytes()) != chain[-1]:
        raise Bad("the certificates do not lead to that root")
    for certificate, issuer in zip(chain, [*chain[1:], chain[-1]], strict=True):
        try:
            certificate.verify_directly_issued_by(issuer)
            authority = issuer.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
        except (ValueError, TypeError, InvalidSignature, x509.ExtensionNotFound):
            authority = False
        if not authority:
            raise Bad(f"the certificate of {certificate.subject.rfc4514_string()} does not hold")
    print(f"good: the key is of {chain[0].subject.rfc4514_string()} until {chain[0].not_valid_after_utc:%Y-%m-%d}")


def check_records(bundle, keys):
    heads, cosigned, newest = {}, 0, 0
    for line in bundle.read("checkpoints.jsonl").splitlines():
        size, root, count = keys.open_checkpoint(json.loads(line)["note"])
        if heads.setdefault(size, root) != root:
            raise Bad(f"two trees of {size} records were signed")
        newest = max(newest, size if count >= keys.quorum else 0)
        cosigned += count
    if not heads:
        raise Bad("there is no checkpoint")
    tree, count, last_good, signed, last_size, suspect = [], 0, "none", 0, max(heads), None
    with bundle.open("leaves.jsonl") as leaves, bundle.open("leaf-hashes.txt") as hashes:
        for index, line in enumerate(leaves):
            line, stated_hash = line.rstrip(b"\n"), hashes.readline().strip().decode()
            if sha256(b"\0", line).hex() != stated_hash and suspect is None:
                suspect = f"record {index} was changed, removed or moved (the last good one is {last_good})"
            if index >= last_size:
                raise Bad(f"record {index} was added after the last signed head")
            add(tree, sha256(b"\0", line))
            count = index + 1
            if count in heads:
                root = functools.reduce(lambda right, left: sha256(b"\1", left[1], right), tree[-2::-1], tree[-1][1])
                if root != heads[count]:
                    raise Bad(suspect or f"a record of {signed}..{index} was changed, removed or moved")
                signed = count
            if suspect is None:  # a record is one canonical JSON object
                record = json.loads(line)
                if json.dumps(record, sort_keys=True, separators=(",", ":")).encode() != line:
                    raise Bad(f"record {index} is not canonical JSON (the last good one is {last_good})")
                last_good = record.get("id", index)
    if count < last_size:
        raise Bad(suspect or f"the records from {count} to {last_size - 1} are missing")
    if suspect:
        raise Bad("leaf-hashes.txt was changed; the records are good")
    if keys.quorum and not newest:
        raise Bad(f"no head was co-signed by {keys.quorum} witnesses")
    print(f"good: {count} records, {len(heads)} signed heads of {keys.log.name}, {cosigned} cosignatures;")
    print(f"      {keys.quorum} witnesses or more stand for the first {newest} records")


def check_proof(proof, keys, txn):
    """RFC 9162 section 2.1.3.2. The proof shows the record, or of a receipt (ID token "txn": EVENT.HASH) its hash."""
    size, root, cosigned = keys.open_checkpoint(proof["checkpoint"])
    if cosigned < keys.quorum:
        raise Bad(f"{cosigned} witnesses co-signed the head, {keys.quorum} must")
    receipt, index = proof.get("receipt", ""), proof["index"]
    if txn and txn != receipt:
        raise Bad("the proof is of another receipt")
    name, _, encoded = receipt.partition(".")
    digest = base64.urlsafe_b64decode(encoded + "=") if receipt else sha256(b"\0", proof["leaf"].encode())
    name = name or json.loads(proof["leaf"])["id"]
    path = [base64.b64decode(each) for each in proof["hashes"]]
    inner = (index ^ (size - 1)).bit_length()  # so many steps up, index and last leaf have different parents
    if not 0 <= index < size or len(path) != inner + bin(index >> inner).count("1"):
        raise Bad("the tree has no such record, or the proof is not as long as it must be")
    for step, other in enumerate(path):
        digest = sha256(b"\1", *((other, digest) if step >= inner or index >> step & 1 else (digest, other)))
    if digest != root:
        raise Bad(f"the proof of {name} does not lead to the signed root")
    print(f"good: event {name} is record {index} of {size}, {cosigned} cosignatures")


def main():
    parser = argparse.ArgumentParser(description="Verify an exported log or one event's proof.")
    kinds = {"bundle": {"nargs": "?"}, "--witness": {"action": "append", "default": []}, "--quorum": {"type": int}}
    for name in ("bundle", "--key", "--proof", "--txn", "--root", "--witness", "--quorum"):
        parser.add_argument(name, **kinds.get(name, {}))
    options = parser.parse_args()
    if not options.bundle and not options.proof:
        parser.error("give LOG.zip or --proof")
    try:
        if options.bundle:
            with zipfile.ZipFile(options.bundle) as bundle:
                keys, names = Keys(options, bundle.read("log-key.txt").decode()), bundle.namelist()
                if "log-key.pem" in names or options.root:
                    check_certificates(bundle.read("log-key.pem"), keys.log, options.root)
                proofs = [name for name in names if name.startswith("proofs/")]
                if "leaves.jsonl" in names or not proofs:
                    check_records(bundle, keys)
                for name in proofs:
                    check_proof(json.loads(bundle.read(name)), keys, None)
        if options.proof:
            proof = json.loads(pathlib.Path(options.proof).read_text("utf-8"))
            check_proof(proof, Keys(options, proof["log_key"]), options.txn)
    except Exception as error:  # a file that someone else made may be anything
        known = {Bad: f"{error}", InvalidSignature: "a signature does not hold"}
        sys.exit(f"BAD: {known.get(type(error), f'cannot be read as a log ({type(error).__name__}) {error}')}")
    if not options.key:
        print("note: checked with the key that the file itself states; compare it with one from elsewhere")


if __name__ == "__main__":
    main()
