"""What can be wrong with a line of a ledger: one name and one sentence for each rule."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["RULES", "Fault"]

RULES = {
    "not-json": "is not a JSON object on a line of its own",
    "no-integrity": "has no integrity block: it was stripped, or written past the chain",
    "incomplete-integrity": "has an incomplete integrity block",
    "edited": "its content is not what its hash was taken over",
    "gap": "events are missing before this one",
    "out-of-order": "stands where an earlier place of the chain was already taken: reordered, repeated, or a fork",
    "fork": "has the same place and predecessor as another event: two writers continued the chain",
    "broken-link": "doesn't follow the event before it",
    "cut-head": "the chain doesn't begin here: earlier events are missing",
    "second-chain": "belongs to another chain than the ledger",
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
