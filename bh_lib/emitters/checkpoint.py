"""Signed checkpoints: a ledger's size and root, in a C2SP signed note, to be kept where the ledger's writer can't reach.

The form is that of transparency logs (C2SP ``tlog-checkpoint`` and ``signed-note``): any tool that reads those reads ours.
Ed25519 comes from the ``cryptography`` package, which only making and checking signatures needs.
"""

from __future__ import annotations

import base64
import hashlib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bh_lib._extras import require
from bh_lib.errors import InputError, IntegrityError

__all__ = ["Checkpoint", "check_note", "generate_keys", "parse_checkpoint", "read_checkpoint", "sign_note"]

_ED25519 = b"\x01"


def _ed25519() -> Any:
    require("cryptography", extra="sign")
    return require("cryptography.hazmat.primitives.asymmetric.ed25519", extra="sign")


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The state of a ledger at one moment.

    Parameters
    ----------
    origin : str
        Name of the ledger, one line: a service or a host, not a path with a patient in it.
    size : int
        Number of events.
    root : bytes
        RFC 6962 root over the events' hashes, 32 bytes.
    note : str
        The note that it was read from, signatures included; empty if it is not signed yet.

    Examples
    --------
    >>> Checkpoint("intake-api", 0, bytes(32)).text.splitlines()[:2]
    ['intake-api', '0']
    """

    origin: str
    size: int
    root: bytes
    note: str = ""

    @property
    def text(self) -> str:
        """What is signed: origin, size and root, a line each."""
        return f"{self.origin}\n{self.size}\n{base64.b64encode(self.root).decode()}\n"


def generate_keys(name: str) -> tuple[str, str]:
    """Make an Ed25519 key pair in the text form of signed notes.

    Parameters
    ----------
    name : str
        The key's name: no white space and no ``+``; by custom a domain and a path.

    Returns
    -------
    tuple of str
        The secret key (``PRIVATE+KEY+…``; keep it off the machine that writes the ledger) and the public key.

    Raises
    ------
    InputError
        If the name is not allowed.
    MissingExtraError
        If ``cryptography`` is not installed.

    Examples
    --------
    >>> secret, public = generate_keys("example.org/audit")
    >>> note = sign_note("an example\\n", secret)
    >>> check_note(note, public)
    'an example\\n'
    """
    if not name or "+" in name or any(c.isspace() for c in name):
        raise InputError("is a name without white space and without '+'", place="key name")
    private = _ed25519().Ed25519PrivateKey.generate()
    seed, public = _ED25519 + private.private_bytes_raw(), _ED25519 + private.public_key().public_bytes_raw()
    key_id = _key_id(name, public).hex()
    return f"PRIVATE+KEY+{name}+{key_id}+{_b64(seed)}", f"{name}+{key_id}+{_b64(public)}"


def sign_note(text: str, secret: str) -> str:
    """Sign a text, and return the whole note.

    Raises
    ------
    InputError
        If the key is not a secret key of `generate_keys`, or the text doesn't end in a newline.
    """
    if not text.endswith("\n"):
        raise InputError("the text of a note ends in a newline")
    if not secret.startswith("PRIVATE+KEY+"):
        raise InputError("is not a secret key: it begins with PRIVATE+KEY+", place="key")
    name, key_id, seed = _parts(secret.strip().removeprefix("PRIVATE+KEY+"))
    private = _ed25519().Ed25519PrivateKey.from_private_bytes(seed)
    if key_id != _key_id(name, _ED25519 + private.public_key().public_bytes_raw()):
        raise InputError("is damaged: its id is not that of its bytes", place="key")
    return f"{text}\n— {name} {_b64(key_id + private.sign(text.encode()))}\n"


def check_note(note: str, public: str) -> str:
    """Check that a note is signed with a public key; returns its text.

    Raises
    ------
    IntegrityError
        If no signature by that key is there, or it doesn't hold.
    InputError
        If the key is not a public key of `generate_keys`.
    """
    name, key_id, raw = _parts(public.strip())
    if key_id != _key_id(name, _ED25519 + raw):
        raise InputError("is damaged: its id is not that of its bytes", place="key")
    text, signatures = _split(note)
    module = _ed25519()
    invalid = require("cryptography.exceptions", extra="sign").InvalidSignature
    for line in signatures:
        signer, _, encoded = line.removeprefix("— ").partition(" ")
        signature = _unb64(encoded)
        if signer != name or signature is None or signature[:4] != key_id:
            continue
        try:
            module.Ed25519PublicKey.from_public_bytes(raw).verify(signature[4:], text.encode())
        except invalid:
            raise IntegrityError("the note's signature doesn't hold") from None
        return text
    raise IntegrityError("the note is not signed with this key")


def parse_checkpoint(note: str) -> Checkpoint:
    """Read a checkpoint, without checking its signature.

    Raises
    ------
    IntegrityError
        If it is not a checkpoint.
    """
    text, _ = _split(note)
    lines = text.split("\n")
    if len(lines) < 4 or not lines[0]:
        raise IntegrityError("is not a checkpoint: origin, size and root, a line each")
    size, root = lines[1], _unb64(lines[2])
    if not (size.isascii() and size.isdigit() and str(int(size)) == size) or root is None or len(root) != 32:
        raise IntegrityError("is not a checkpoint: its second line is a size, its third a 32-byte root in base64")
    return Checkpoint(lines[0], int(size), root, note)


def read_checkpoint(path: str | os.PathLike[str]) -> Checkpoint:
    """Read a checkpoint from a file; faults name the file.

    Raises
    ------
    InputError
        If it can't be read, or is not a checkpoint.
    """
    try:
        return parse_checkpoint(Path(path).read_text("utf-8"))
    except OSError as error:
        raise InputError(
            "no such file" if isinstance(error, FileNotFoundError) else f"can't be read: {type(error).__name__}", path=str(path)
        ) from None
    except UnicodeDecodeError:
        raise InputError("is not UTF-8", path=str(path)) from None
    except IntegrityError as error:
        raise InputError(str(error), path=str(path)) from None


def _split(note: str) -> tuple[str, list[str]]:
    text, found, signatures = note.rpartition("\n\n")
    lines = signatures.splitlines()
    if not found or not note.endswith("\n") or not lines or not all(line.startswith("— ") for line in lines):
        raise IntegrityError("is not a signed note: a text, an empty line, then signature lines")
    return text + "\n", lines


def _parts(key: str) -> tuple[str, bytes, bytes]:
    parts = key.split("+", 2)
    try:
        name, key_id, raw = parts[0], bytes.fromhex(parts[1]), _unb64(parts[2])
    except (IndexError, ValueError):
        raise InputError("is not a note key: name+id+base64", place="key") from None
    if not name or len(key_id) != 4 or raw is None or len(raw) != 33 or raw[:1] != _ED25519:
        raise InputError("is not an Ed25519 note key: name+id+base64", place="key")
    return name, key_id, raw[1:]


def _key_id(name: str, public: bytes) -> bytes:
    return hashlib.sha256(f"{name}\n".encode() + public).digest()[:4]


def _b64(raw: bytes) -> str:
    return base64.b64encode(raw).decode()


def _unb64(text: str) -> bytes | None:
    try:
        return base64.b64decode(text, validate=True)
    except ValueError:
        return None
