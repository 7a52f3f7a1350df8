"""JSON as text, as it goes into the books."""

import hashlib
import json
from typing import Any, NewType

from mcbook.errors import InputError

JsonText = NewType("JsonText", str)
"""JSON as text, made by one of the functions here: it holds no NaN and no infinity."""

_ENCODER = json.JSONEncoder(allow_nan=False, separators=(",", ":"), ensure_ascii=False)


def as_json(value: Any) -> JsonText:
    """Return *value* as JSON text.

    Raises
    ------
    InputError
        If a number in it is not finite.
    """
    try:
        return JsonText(_ENCODER.encode(value))
    except ValueError as error:
        raise InputError(f"the books take finite numbers only: {value!r}") from error


def hash_of(value: Any) -> str:
    """Return 16 hex digits that name a JSON value."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:16]
