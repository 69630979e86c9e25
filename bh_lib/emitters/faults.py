"""What can be wrong with a line of a ledger: one name and one sentence for each rule."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["LONGEST", "RULES", "Fault", "unreadable"]

#: No event comes near this many bytes; a longer line is not held in memory.
LONGEST = 1 << 24

RULES = {
    "not-json": "is not a JSON object on a line of its own",
    "empty-line": "is empty: an event was blanked, or a line break put in",
    "not-utf8": "is not UTF-8",
    "byte-order-mark": "begins with a byte order mark: a program wrote the file anew; write it as plain UTF-8",
    "nul-byte": "holds a NUL byte: the disk lost what stood here, or the file is UTF-16",
    "line-too-long": "is longer than 16 MiB: no event is",
    "no-integrity": "has no integrity block: it was stripped, or written past the chain",
    "incomplete-integrity": "has an incomplete integrity block",
    "edited": "its content is not what its hash was taken over",
    "gap": "events are missing before this one",
    "out-of-order": "stands where an earlier place of the chain was already taken: reordered, repeated, or a fork",
    "fork": "has the same place and predecessor as another event: two writers continued the chain",
    "broken-link": "doesn't follow the event before it",
    "cut-head": "the chain doesn't begin here: earlier events are missing",
    "second-chain": "belongs to another chain than the ledger",
    "anchor-signature": "the anchor can't be trusted: it is not signed with this key, or was changed since",
    "anchor-size": "the ledger ends before the size that the anchor states: its tail was cut off",
    "anchor-root": "the events are not those that the anchor was taken from",
    "anchor-pruned": "the events that the anchor covers were pruned, and no proof of them was kept",
    "pruned-record": "the record of what was pruned is damaged, or was changed",
    "pruned-signature": "the record of what was pruned was changed since it was signed",
}


@dataclass(frozen=True, slots=True)
class Fault:
    """One broken rule, at one line; never what stands there.

    Parameters
    ----------
    line : int
        Line of the ledger from 1; 0 where it concerns the ledger as a whole.
    rule : str
        The rule's name.
    message : str
        The rule in words.
    file : str
        Name of the file, where a ledger is several.

    Examples
    --------
    >>> print(Fault(7, "edited", RULES["edited"]))
    line 7: edited: its content is not what its hash was taken over
    """

    line: int
    rule: str
    message: str
    file: str = ""

    def __str__(self) -> str:
        place = ", ".join(part for part in (self.file, f"line {self.line}" if self.line else "") if part)
        return f"{place}: {self.rule}: {self.message}" if place else f"{self.rule}: {self.message}"


def unreadable(line: bytes) -> str:
    """Name the rule that a line breaks which is no JSON object.

    Examples
    --------
    >>> unreadable(b""), unreadable(b"{"), unreadable(b"{\\x00}"), unreadable(b"\\xef\\xbb\\xbf{}")
    ('empty-line', 'not-json', 'nul-byte', 'byte-order-mark')
    """
    if not line.strip():
        return "empty-line"
    if line.startswith(b"\xef\xbb\xbf"):
        return "byte-order-mark"
    if b"\0" in line:
        return "nul-byte"
    try:
        line.decode()
    except UnicodeDecodeError:
        return "not-utf8"
    return "not-json"
