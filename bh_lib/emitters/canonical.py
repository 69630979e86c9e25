"""The one byte string that an event hashes to: JSON in the canonical form of RFC 8785.

Events are almost always made of strings, booleans, null, integers below 2**53 and ASCII keys. For that restricted form
an ordinary JSON writer with sorted keys already writes RFC 8785, so the fast writers are used; anything else (a
fraction, a key beyond ASCII, a large integer) takes the exact path. Both give the same bytes: a property test holds them together.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from decimal import Decimal
from math import isfinite
from typing import Any

from bh_lib._extras import optional
from bh_lib.errors import InputError

__all__ = ["canonical", "canonical_exact"]

# RFC 8785 numbers are IEEE 754 doubles, which hold every integer only up to here (RFC 7493, 2.2).
_EXACT_INTEGERS = 2**53
_NOT_JSON = "holds something that JSON can't: only strings, finite numbers, booleans, null, lists and objects with string keys"
_NOT_UNICODE = "holds text that is not valid Unicode (a lone surrogate)"

_orjson = optional("orjson")
# encode() would build this C encoder anew for every event.
_make_encoder = getattr(json.encoder, "c_make_encoder", None)
_encode = _make_encoder and _make_encoder(None, None, json.encoder.encode_basestring, None, ":", ",", True, False, False)
_quote = json.encoder.encode_basestring
_are_plain = frozenset({str, bool, type(None)}).issuperset


def canonical(value: Any) -> bytes:
    """Write a JSON value in the canonical form of RFC 8785.

    Parameters
    ----------
    value : dict, list, str, int, float, bool or None
        What `json.loads` could have returned.

    Returns
    -------
    bytes
        UTF-8, without white space, keys in the order of their UTF-16 code units.

    Raises
    ------
    InputError
        If the value holds what JSON can't (NaN, bytes, a key that is no string), or an integer that no double holds.

    Examples
    --------
    >>> canonical({"b": [1.0, 1e30, None], "a": "é"}).decode()
    '{"a":"é","b":[1,1e+30,null]}'
    """
    try:
        if _is_restricted(value):
            if _orjson is not None:
                out: bytes = _orjson.dumps(value, option=_orjson.OPT_SORT_KEYS)
                # Code points and UTF-16 code units order ASCII keys alike; if all is ASCII, so are the keys.
                if out.isascii() or _has_ascii_keys(value):
                    return out
            elif _encode is not None and _has_ascii_keys(value):
                return "".join(_encode(value, 0)).encode()
    except (UnicodeEncodeError, RecursionError, TypeError):
        pass  # the exact path words the fault
    return canonical_exact(value)


def canonical_exact(value: Any) -> bytes:
    """Write the same bytes as `canonical`, by the letter of RFC 8785 and nothing else.

    Examples
    --------
    >>> canonical_exact([333333333.33333329, 1e-27, 4.50, -0.0])
    b'[333333333.3333333,1e-27,4.5,0]'
    """
    parts: list[str] = []
    try:
        _write(value, parts)
        return "".join(parts).encode()
    except UnicodeEncodeError:
        raise InputError(_NOT_UNICODE) from None
    except RecursionError:
        raise InputError("is nested too deeply") from None


def _is_restricted(value: Any) -> bool:
    kind = type(value)
    if kind is dict:
        items = value.values()
    elif kind is list:
        items = value
    else:
        items = (value,)
    # Most blocks hold only text and truth values: asked at once, in C.
    if _are_plain(map(type, items)):
        return True
    for item in items:
        kind = type(item)
        if kind is str or kind is bool or item is None:
            continue
        if kind is dict:
            if not _are_plain(map(type, item.values())) and (item is value or not _is_restricted(item)):
                return False
        elif kind is int:
            if not -_EXACT_INTEGERS < item < _EXACT_INTEGERS:
                return False
        elif kind is not list or item is value or not _is_restricted(item):
            return False
    return True


def _has_ascii_keys(value: Any) -> bool:
    if type(value) is dict:
        for key, item in value.items():
            if type(key) is not str or not key.isascii():
                return False
            if type(item) in (dict, list) and not _has_ascii_keys(item):
                return False
    elif type(value) is list:
        return all(_has_ascii_keys(item) for item in value if type(item) in (dict, list))
    return True


def _write(value: Any, parts: list[str]) -> None:
    if isinstance(value, str):
        parts.append(_quote(value))
    elif value is None:
        parts.append("null")
    elif isinstance(value, bool):
        parts.append("true" if value else "false")
    elif isinstance(value, int):
        parts.append(_integer(int(value)))
    elif isinstance(value, float):
        parts.append(_double(float(value)))
    elif isinstance(value, Mapping):
        _write_object(value, parts)
    elif isinstance(value, (list, tuple)):
        separator = "["
        for item in value:
            parts.append(separator)
            _write(item, parts)
            separator = ","
        parts.append("]" if value else "[]")
    else:
        raise InputError(_NOT_JSON)


def _write_object(value: Mapping[Any, Any], parts: list[str]) -> None:
    if not all(isinstance(key, str) for key in value):
        raise InputError(_NOT_JSON)
    separator = "{"
    for key in sorted(value, key=_utf16):
        parts.append(separator)
        parts.append(_quote(key))
        parts.append(":")
        _write(value[key], parts)
        separator = ","
    parts.append("}" if value else "{}")


def _utf16(key: str) -> bytes:
    return key.encode("utf-16-be")


def _integer(value: int) -> str:
    if -_EXACT_INTEGERS <= value <= _EXACT_INTEGERS:
        return str(value)
    # 66056086328906690 is how a double is written; 66056086328906689 reads as the same double: two values, one form.
    try:
        written = _double(float(value))
    except OverflowError:
        written = ""
    if written != str(value):
        raise InputError("holds an integer that a JSON number can't keep exactly: send it as a string")
    return written


def _double(value: float) -> str:
    """Number::toString of ECMAScript, which RFC 8785 3.2.2.3 asks for; repr() finds the same shortest digits."""
    if not isfinite(value):
        raise InputError(_NOT_JSON)
    if value == 0:
        return "0"
    negative, digits_, exponent = Decimal(repr(value)).as_tuple()
    all_digits = "".join(map(str, digits_))
    digits = all_digits.rstrip("0")
    # value = 0.digits * 10**point
    point = len(all_digits) + int(exponent)
    if len(digits) <= point <= 21:
        text = digits.ljust(point, "0")
    elif 0 < point <= 21:
        text = f"{digits[:point]}.{digits[point:]}"
    elif -6 < point <= 0:
        text = f"0.{'0' * -point}{digits}"
    else:
        fraction = f".{digits[1:]}" if len(digits) > 1 else ""
        text = f"{digits[0]}{fraction}e{point - 1:+d}"
    return f"-{text}" if negative else text
