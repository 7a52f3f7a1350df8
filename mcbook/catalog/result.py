"""A calculation of limits as a record, and the id that is a hash of it."""

import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from hashlib import sha256
from typing import Any, Literal

from mcbook.errors import InputError

Kind = Literal["counts", "workspace", "analysis"]

KINDS: tuple[Kind, ...] = ("counts", "workspace", "analysis")

_ID_DIGITS = 12
_quoted = json.encoder.encode_basestring_ascii
SIMULATION = re.compile(r"-s[0-9a-f]{8}$")
"""How the id of a sample ends that was taken through detector simulation."""


@dataclass(frozen=True, slots=True)
class LimitPoint:
    """The limits on one hypothesis.

    Attributes
    ----------
    hypothesis
        What it is called.
    parameters
        Its parameters, finite, in the units of the registry.
    limits
        What came out, as JSON: ``observed``, ``expected``, ``method``, ``status`` and so on. A
        number that is not finite is kept as null; ``status`` says why there is none.
    samples
        Ids of the samples under its efficiency.
    simulations
        Ids of those samples taken through detector simulation, ``<sample>-s<8 hex>``.
    """

    hypothesis: str
    parameters: Mapping[str, float]
    limits: Mapping[str, Any]
    samples: Sequence[str] = ()
    simulations: Sequence[str] = ()


@dataclass(frozen=True)
class Result:
    """One calculation of limits, before it is in the books.

    Attributes
    ----------
    name
        What people call it: the analysis, or the file.
    kind
        ``counts``, ``workspace`` or ``analysis``.
    frozen
        SHA-256 of what was fixed before any number came out: of the frozen analysis, or of the file
        with the counts; 64 hex digits.
    cl
        Confidence or credibility level, in (0, 1).
    method
        The method that was asked for, as ``auto``; each point tells the one that it got.
    document
        Settings, and whatever all points share, as JSON.
    points
        The hypotheses, in the order in which files list them.
    inputs
        SHA-256 of every file that was read, by path, and of efficiency maps in the books, by their
        id; paths do not enter the id.
    model
        The signal model, where there is one.
    """

    name: str
    kind: Kind
    frozen: str
    cl: float
    method: str
    document: Mapping[str, Any]
    points: Sequence[LimitPoint]
    inputs: Mapping[str, str] = field(default_factory=dict)
    model: str | None = None

    @cached_property
    def digest(self) -> str:
        """SHA-256 of all of it but paths, 64 hex digits; numbers count to nine digits."""
        content = {
            "schema": 1,
            "name": self.name,
            "kind": self.kind,
            "model": self.model,
            "frozen": self.frozen,
            "cl": self.cl,
            "method": self.method,
            "document": self.document,
            "inputs": sorted(self.inputs.values()),
            "points": [
                [p.hypothesis, p.parameters, p.limits, samples_under(p), list(p.simulations)]
                for p in self.points
            ],
        }
        return sha256(canonical(content).encode("ascii")).hexdigest()

    @property
    def id(self) -> str:
        """``r-`` and twelve hex digits; what files carry beside their numbers."""
        return f"r-{self.digest[:_ID_DIGITS]}"


def samples_under(point: LimitPoint) -> tuple[str, ...]:
    """Return the samples of a point, those named by a simulation included, without repeats."""
    simulated = (SIMULATION.sub("", name) for name in point.simulations)
    return tuple(dict.fromkeys((*point.samples, *simulated)))


def is_intact(row: Mapping[str, Any], points: Sequence[Mapping[str, Any]]) -> bool:
    """Return whether a row with all of its points is the result that its id is a hash of."""
    again = Result(
        **{
            key: row[key] for key in ("name", "kind", "frozen", "cl", "method", "document", "model")
        },
        points=[
            LimitPoint(
                p["hypothesis"], p["parameters"], p["limits"], p["samples"], p["simulations"] or ()
            )
            for p in points
        ],
        inputs={str(i): entry["sha256"] for i, entry in enumerate(row["inputs"])},
    )
    return again.digest == str(row["digest"])


def check_digest(digest: str) -> None:
    """Refuse what is no SHA-256.

    Raises
    ------
    InputError
        If it is not 64 hex digits.
    """
    if not re.fullmatch(r"[0-9a-f]{64}", digest):
        raise InputError(f"a digest is 64 hex digits, not {digest!r}")


def file_list(files: Mapping[str, str]) -> list[dict[str, str]]:
    """Return files with their SHA-256 as JSON, sorted by path."""
    return [{"path": path, "sha256": digest} for path, digest in sorted(files.items())]


def canonical(value: Any) -> str:
    """Return JSON in which equal numbers look alike, whole ones or not, to nine digits."""
    kind = type(value)  # exact types first: they are nearly all, and a result has many
    if kind is float:
        return f"{value + 0.0:.9g}" if math.isfinite(value) else "null"
    if kind is str:
        return _quoted(value)
    if kind is dict:
        entries = [f"{_quoted(key)}:{canonical(value[key])}" for key in sorted(value)]
        return "{" + ",".join(entries) + "}"
    if kind is list or kind is tuple:
        return "[" + ",".join([canonical(entry) for entry in value]) + "]"
    return _canonical_other(value)


def _canonical_other(value: Any) -> str:
    if value is None or isinstance(value, bool):
        return json.dumps(value)
    if isinstance(value, str):
        return _quoted(value)
    if isinstance(value, Mapping):
        return canonical(dict(value))
    if hasattr(value, "tolist"):
        return canonical(value.tolist())
    return canonical(float(value))
