"""Keys and checkpoints as files."""

from __future__ import annotations

import os
from pathlib import Path

from bh_lib._jsonl import atomic_write
from bh_lib.emitters.checkpoint import Checkpoint, generate_keys
from bh_lib.emitters.verify import make_checkpoint
from bh_lib.errors import InputError

__all__ = ["ensure_key", "read_key", "write_checkpoint"]


def ensure_key(path: str | os.PathLike[str], name: str = "bh-audit") -> bool:
    """Make a key pair, unless the secret key is there: the secret at `path`, for its owner only, the public one beside it.

    Parameters
    ----------
    path : path-like
        Of the secret key; the public key goes to the same path with ``.pub`` added.
    name : str
        The key's name, as in `generate_keys`.

    Returns
    -------
    bool
        Whether a key was made.

    Raises
    ------
    InputError
        If a file can't be written.

    Examples
    --------
    >>> import tempfile, pathlib
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     key = pathlib.Path(folder) / "auditor.key"
    ...     ensure_key(key), ensure_key(key), read_key(f"{key}.pub").split("+")[0]
    (True, False, 'bh-audit')
    """
    target = Path(path)
    if target.exists():
        return False
    secret, public = generate_keys(name)
    # The public half first: a crash in between must not leave a secret key whose public half nobody has.
    with atomic_write(f"{target}.pub") as out:
        out.write(public + "\n")
    try:
        handle = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        raise InputError(f"can't be written: {type(error).__name__}", path=str(path)) from None
    with open(handle, "w", encoding="ascii") as file:
        file.write(secret + "\n")
    return True


def read_key(path: str | os.PathLike[str]) -> str:
    """Read a key, secret or public, from a file.

    Raises
    ------
    InputError
        If it can't be read, or is not one line.
    """
    try:
        text = Path(path).read_text("utf-8").strip()
    except OSError as error:
        raise InputError(
            "no such file" if isinstance(error, FileNotFoundError) else f"can't be read: {type(error).__name__}", path=str(path)
        ) from None
    except UnicodeDecodeError:
        raise InputError("is not a key", path=str(path)) from None
    if not text or "\n" in text:
        raise InputError("is not a key: one line of text", path=str(path))
    return text


def write_checkpoint(
    ledger: str | os.PathLike[str],
    out: str | os.PathLike[str],
    key: str | os.PathLike[str],
    *,
    origin: str | None = None,
    workers: int | None = 1,
) -> Checkpoint:
    """Verify a ledger, sign its size and root, and write the checkpoint.

    Parameters
    ----------
    ledger, out, key : path-like
        The ledger, the checkpoint to write, and the secret key's file.
    origin : str, optional
        Name of the ledger; its file name if left out.
    workers : int, optional
        As in `verify`.

    Raises
    ------
    IntegrityError
        If the ledger is BROKEN or EMPTY; nothing is written.
    InputError
        If a file can't be read or written.
    """
    checkpoint = make_checkpoint(ledger, read_key(key), origin=origin, workers=workers)
    with atomic_write(out) as file:
        file.write(checkpoint.note)
    return checkpoint
