"""The ``bh`` command. It holds no logic: each command calls one function of a room and prints what came back."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

from bh_lib._extras import require
from bh_lib.errors import BhError, GateError, MissingExtraError

__all__ = ["main"]


def _internal(error: BaseException) -> str:
    # The message of an unforeseen exception may hold a value, so only its type and place are told.
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    place = "" if trace is None else f" at {os.path.basename(trace.tb_frame.f_code.co_filename)}:{trace.tb_lineno}"  # noqa: PTH119
    return f"internal error: {type(error).__name__}{place}; please report it with the command, without your data"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run ``bh``; returns the exit status: 0 done, 1 checked and found wanting, 2 unusable input."""
    try:
        require("typer", extra="cli")
        require("rich", extra="cli")
    except MissingExtraError as error:
        print(f"bh: {error}", file=sys.stderr)  # noqa: T201
        return 2
    from bh_lib.cli.pipe import leaving_reader

    with leaving_reader():
        return _run(list(sys.argv[1:] if arguments is None else arguments))


def _run(arguments: list[str]) -> int:
    from typer.exceptions import TyperException

    from bh_lib.cli.app import app

    try:
        status = app(arguments, prog_name="bh", standalone_mode=False)
    except TyperException as error:
        message = getattr(error, "format_message", error.__str__)()
        print(f"bh: {message} (see bh --help)", file=sys.stderr)  # noqa: T201
        return 2
    except GateError as error:
        print(f"bh: {error}", file=sys.stderr)  # noqa: T201
        return 1
    except BhError as error:
        print(f"bh: {error}", file=sys.stderr)  # noqa: T201
        return 2
    except KeyboardInterrupt:
        print("bh: stopped", file=sys.stderr)  # noqa: T201
        return 130
    except Exception as error:  # noqa: BLE001
        print(f"bh: {_internal(error)}", file=sys.stderr)  # noqa: T201
        return 2
    return status if isinstance(status, int) else 0
