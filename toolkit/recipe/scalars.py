"""What a plain scalar of YAML stands for.

The core schema of YAML 1.2.2 (section 10.3), not PyYAML's YAML 1.1, which reads `3e-5` as text,
`no` as false, `010` as 8 and `12:30` as 750. One thing differs: digits behind a zero (`010`) are
text, so that they are never read as another number than was meant.
"""

import math
import re
from typing import Any

_NULLS = {"", "~", "null", "Null", "NULL"}
_BOOLEANS = {
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_DIGITS = r"(?:0|[1-9][0-9]*)"
INTEGER = re.compile(rf"[-+]?{_DIGITS}|0o[0-7]+|0x[0-9a-fA-F]+")
FLOAT = re.compile(rf"[-+]?(?:\.[0-9]+|{_DIGITS}(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_INFINITE = re.compile(r"([-+]?)\.(?:inf|Inf|INF)")
_NANS = {".nan", ".NaN", ".NAN"}
_MOST_DIGITS = 20  # of a number within 64 bits


def core_value(text: str) -> Any:
    """What a plain scalar stands for. OverflowError for a whole number beyond 64 bits."""
    if text in _NULLS:
        return None
    if text in _BOOLEANS:
        return _BOOLEANS[text]
    if INTEGER.fullmatch(text):
        value = int(text, 0) if len(text) <= _MOST_DIGITS else 2**64
        if not -(2**63) <= value < 2**63:
            raise OverflowError(text)
        return value
    if FLOAT.fullmatch(text):
        return float(text)
    if infinite := _INFINITE.fullmatch(text):
        return -math.inf if infinite[1] == "-" else math.inf
    return math.nan if text in _NANS else text
