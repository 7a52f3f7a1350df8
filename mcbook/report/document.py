"""Reads the limits document, so strictly that whatever makes a report of it is safe."""

import json
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from mcbook.errors import InputError, did_you_mean
from mcbook.limits.result import SIGMAS
from mcbook.registry.numbers import round9

Json = dict[str, Any]
Check = Callable[["Reader", str, Any], None]

SCHEMA = 1
KINDS = ("analysis", "counts", "workspace")
NAME = "limits.json"
INTERVALS = "intervals"
BANDS = ("observed", "expected", "expected_postfit")

_RESULT = re.compile(r"r-[0-9a-f]{12}")


def read_document(path: str | Path) -> Json:
    """Read a limits document.

    Parameters
    ----------
    path
        A ``limits.json``, or the folder that holds it.

    Returns
    -------
    dict
        What the file says, unknown keys included.

    Raises
    ------
    InputError
        If the file is not there, or is no limits document; the message names file and key.
    """
    file = Path(path)
    if file.is_dir():
        file /= NAME
    if not file.is_file():
        hint = f"`mcbook limits --output DIR` writes {NAME} into DIR"
        raise InputError(f"there is no file {file}", hint=hint)
    try:
        found = json.loads(file.read_bytes(), parse_constant=_no_number)
    except OSError as error:
        raise InputError(f"{file} cannot be read: {error.strerror}") from None
    except (ValueError, RecursionError) as error:
        raise InputError(f"{file} is no JSON: {error}") from None
    check_document(found, str(file))
    return dict(found)


def check_document(document: object, where: str = "the limits document") -> None:
    """Check a limits document.

    Parameters
    ----------
    document
        JSON values.
    where
        What messages call it.

    Raises
    ------
    InputError
        If a key that reports need is missing or not right; the message names it.
    """
    reader = Reader(where)
    top = reader.mapping("", document)
    _schema(reader, top)
    for key, check in _TOP.items():
        reader.take(top, key, check)
    is_analysis = top["kind"] == "analysis"
    if is_analysis:
        _header(reader, top)
    rows = reader.sequence("limits", top.get("limits"))
    if not rows:
        raise InputError(f"{where} (limits): there is none")
    for number, row in enumerate(rows, 1):
        place = f"limits, row {number}"
        for key, check in (_ROW | _ANALYSIS_ROW if is_analysis else _ROW).items():
            reader.take(reader.mapping(place, row), key, check, place)
        if is_analysis:
            _rate(reader, f"{place}.rate", row["rate"], top["rate"]["name"])
    if is_analysis and len({row["rate"].get("kind") for row in rows} - {None}) > 1:
        raise InputError(f"{where} (limits): some rows have numbers and some have intervals")


def is_intervals(document: Mapping[str, Any]) -> bool:
    """Return whether limits on what is limited are excluded intervals."""
    return any(row.get("rate", {}).get("kind") == INTERVALS for row in document["limits"])


def varying(document: Mapping[str, Any]) -> list[str]:
    """Return the parameters that differ between hypotheses, in the order in which they stand.

    The parameter that is limited has a reference value and is none of them.
    """
    rows = document["limits"]
    names = dict.fromkeys(name for row in rows for name in row["parameters"])
    names.pop(str(document.get("rate", {}).get("vary")), None)
    return [n for n in names if len({key_of(row["parameters"].get(n)) for row in rows}) > 1]


def key_of(value: float | None) -> float | None:
    """Return a parameter to the nine digits that all parameters are kept with."""
    return None if value is None else round9(value)


class Reader:
    """Checks of JSON values that name the place."""

    def __init__(self, where: str) -> None:
        self.where = where

    def error(self, place: str, value: object, what: str) -> InputError:
        """Return an error at a place."""
        text = json.dumps(value, default=repr)
        shown = text if len(text) <= 40 else f"{text[:40]}..."  # noqa: PLR2004
        at = f" ({place})" if place else ""
        return InputError(f"{self.where}{at}: {shown} is no {what}")

    def take(self, entry: Mapping[str, Any], key: str, check: Check, place: str = "") -> None:
        """Check the value of a key; ``?`` at its end marks one that may be absent."""
        name = key.removesuffix("?")
        at = f"{place}.{name}" if place else name
        if name not in entry:
            if name != key:
                return
            raise InputError(f"{self.where} ({at}): the key is missing")
        check(self, at, entry[name])

    def mapping(self, place: str, value: Any) -> Mapping[str, Any]:
        """Return a mapping with text keys."""
        if not isinstance(value, Mapping) or not all(_is_text(key) for key in value):
            raise self.error(place, value, "mapping")
        return value

    def sequence(self, place: str, value: Any) -> Sequence[Any]:
        """Return a list."""
        if not isinstance(value, list | tuple):
            raise self.error(place, value, "list")
        return value


def _is_text(value: object) -> bool:
    """Return whether a value is text that can be written; half a surrogate pair cannot."""
    return isinstance(value, str) and not any("\ud800" <= letter <= "\udfff" for letter in value)


def _no_number(text: str) -> None:
    raise ValueError(f"{text} is no JSON number")


def _number(reader: Reader, place: str, value: Any) -> None:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if not is_number or not abs(value) <= sys.float_info.max:
        raise reader.error(place, value, "number")


def _text(reader: Reader, place: str, value: Any) -> None:
    if not _is_text(value):
        raise reader.error(place, value, "text")


def _mapping(reader: Reader, place: str, value: Any) -> None:
    reader.mapping(place, value)


def _flag(reader: Reader, place: str, value: Any) -> None:
    if not isinstance(value, bool):
        raise reader.error(place, value, "true or false")


def _or_null(check: Check) -> Check:
    def both(reader: Reader, place: str, value: Any) -> None:
        if value is not None:
            check(reader, place, value)

    return both


def _list_of(check: Check, length: int | None = None) -> Check:
    def each(reader: Reader, place: str, value: Any) -> None:
        entries = reader.sequence(place, value)
        if length is not None and len(entries) != length:
            raise reader.error(place, value, f"list of {length}")
        for number, entry in enumerate(entries):
            check(reader, f"{place}[{number}]", entry)

    return each


def _mapping_of(check: Check) -> Check:
    def each(reader: Reader, place: str, value: Any) -> None:
        for key, entry in reader.mapping(place, value).items():
            check(reader, f"{place}.{key}", entry)

    return each


def _level(reader: Reader, place: str, value: Any) -> None:
    _number(reader, place, value)
    if not 0 < value < 1:
        raise reader.error(place, value, "level between 0 and 1")


def _identity(reader: Reader, place: str, value: Any) -> None:
    _text(reader, place, value)
    if not _RESULT.fullmatch(value):
        raise reader.error(place, value, "id of a result (r- and twelve hex digits)")


_MAYBE = _or_null(_number)
_FIVE = _list_of(_MAYBE, len(SIGMAS))
_TEXTS = _list_of(_text)
_FIVE_NOTES = _list_of(_text, len(SIGMAS))


def _bands(reader: Reader, place: str, value: Any) -> None:
    entry = reader.mapping(place, value)
    for key, check in {"observed": _MAYBE, "expected": _FIVE, "expected_postfit?": _FIVE}.items():
        reader.take(entry, key, check, place)


_TOP: dict[str, Check] = {
    "cl": _level, "method": _text, "result?": _or_null(_identity),
}  # fmt: skip
_HEADER: dict[str, Check] = {
    "name": _text, "title": _text, "citation": _text, "model": _text,
    "processes": _mapping_of(_text), "cross_section": _text, "alpha": _number,
    "sqrt_s": _number, "isr": _text, "constants": _mapping_of(_number),
    "branching": _mapping_of(_text), "unblinded": _flag,
}  # fmt: skip
_ROW: dict[str, Check] = {
    "hypothesis": _text, "parameters": _mapping_of(_MAYBE), "observed": _MAYBE, "expected": _FIVE,
    "observed_events?": _MAYBE, "method": _or_null(_text), "status": _text,
}  # fmt: skip
_ANALYSIS_ROW: dict[str, Check] = {
    "expected_events": _FIVE, "expected_postfit?": _FIVE, "sigma_fb": _bands,
    "sigma_br_fb": _bands, "efficiency": _mapping_of(_MAYBE), "flags": _TEXTS, "samples": _TEXTS,
    "rate": _mapping,
}  # fmt: skip


def _schema(reader: Reader, top: Mapping[str, Any]) -> None:
    schema, kind = top.get("schema"), top.get("kind")
    if type(schema) is not int or schema != SCHEMA:
        is_newer = type(schema) is int and schema > SCHEMA
        raise InputError(
            f"{reader.where} (schema): must be {SCHEMA}, not {schema!r}",
            hint="a newer mcbook wrote it" if is_newer else f"every {NAME} of mcbook has it",
        )
    if kind not in KINDS:
        raise InputError(
            f"{reader.where} (kind): {kind!r} is no kind of limits",
            hint=did_you_mean(str(kind), KINDS),
        )


def _header(reader: Reader, top: Mapping[str, Any]) -> None:
    """Check what holds for all limits of an analysis."""
    for key, check in _HEADER.items():
        reader.take(top, key, check)
    reader.take(top, "rate", _mapping_of(_or_null(_text)))
    reader.take(top["rate"], "name", _text, "rate")
    for key in ("expected?", "expected_postfit?"):
        reader.take(top, key, _text)
    given = [key for key in ("luminosity", "n_bb") if key in top]
    if len(given) != 1:
        raise InputError(f"{reader.where}: one of luminosity and n_bb must be there")
    reader.take(reader.mapping(given[0], top[given[0]]), "value", _number, given[0])


def _rate(reader: Reader, place: str, value: Any, name: str) -> None:
    """Check limits on what is limited: numbers, or lists of excluded intervals."""
    entry = reader.mapping(place, value)
    if entry.get("name") != name:
        raise InputError(f"{reader.where} ({place}.name): {entry.get('name')!r} is not {name!r}")
    notes = reader.mapping(f"{place}.note", entry.get("note", {}))
    for band in BANDS:
        one = _or_null(_text) if band == "observed" else _or_null(_FIVE_NOTES)
        reader.take(notes, f"{band}?", one, f"{place}.note")
    if entry.get("kind") != INTERVALS:
        _bands(reader, place, entry)
        return
    opened = reader.mapping(f"{place}.open", entry.get("open"))
    for band in BANDS:
        at = f"{place}.{band}"
        ends, how = entry.get(band), opened.get(band)
        if band == "observed":
            _intervals(reader, at, ends, how)
        elif band == "expected" or ends is not None:
            five, kinds = (_five(reader, key, v) for key, v in ((at, ends), (f"{at} open", how)))
            for k in range(len(SIGMAS)):
                _intervals(reader, f"{at}[{k}]", five[k], kinds[k])


def _five(reader: Reader, place: str, value: Any) -> Sequence[Any]:
    entries = reader.sequence(place, value)
    if len(entries) != len(SIGMAS):
        raise reader.error(place, value, f"list of {len(SIGMAS)}")
    return entries


def _intervals(reader: Reader, place: str, ends: Any, how: Any) -> None:
    """Check excluded intervals of one band, and how their ends are open."""
    if ends is None:
        return
    _list_of(_list_of(_MAYBE, 2))(reader, place, ends)
    _list_of(_list_of(_text, 2), len(ends))(reader, f"{place} open", how)
