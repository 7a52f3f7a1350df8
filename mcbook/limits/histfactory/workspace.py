"""Limits from a pyhf workspace, and from a patchset that puts a grid of signals into one.

Signals of one structure become one batch. What has no batched counterpart goes to pyhf itself,
and its status says so and why.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from mcbook.errors import InputError
from mcbook.limits.histfactory import jsonfile, jsonpatch, patchset, rows, run
from mcbook.limits.histfactory.content import Content, Reader
from mcbook.limits.histfactory.settled import NotBatched, check_parameters
from mcbook.limits.likelihoods import Likelihoods
from mcbook.limits.result import METHODS, Limits, Method, empty, errors_of, plain

_MOST_NUMBERS = 10_000_000  # in one batch: 80 MB


UpperLimits = Callable[..., Limits]
"""What `mcbook.limits.upper_limits` is."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One signal.

    Attributes
    ----------
    name
        Name of the patch, or of the file where there is no patchset.
    parameters
        Values of the patch by the labels of the patchset.
    """

    name: str
    parameters: Mapping[str, float | str]
    document: Any = field(repr=False, compare=False)
    content: Content = field(repr=False, compare=False)


@dataclass(frozen=True, slots=True)
class Workspace:
    """The signals of a workspace or of its patchset."""

    entries: tuple[Entry, ...]

    def batches(self) -> Iterator[tuple[list[int], Likelihoods]]:
        """Yield which entries can be batched, with their likelihoods.

        Entries whose likelihood has no batched counterpart are in none.
        """
        for indices, batch in self._sorted():
            if isinstance(batch, Likelihoods):
                yield indices, batch

    def limits(
        self,
        *,
        cl: float,
        method: Method = "auto",
        upper_limits: UpperLimits | None = None,
        **options: Any,
    ) -> list[dict[str, Any]]:
        """Return upper limits on the POI of every signal.

        Parameters
        ----------
        cl
            Confidence level, between 0 and 1.
        method
            One of `mcbook.limits.result.METHODS`. What is not batched goes to pyhf under ``auto``
            and ``asymptotic``, and fails under the others.
        upper_limits
            What does the batches; `mcbook.limits.upper_limits` if absent.
        **options
            Handed to it, such as ``seed`` and ``n_toys``.

        Returns
        -------
        list of dict
            Per signal ``hypothesis``, ``parameters``, ``observed``, ``expected`` (-2 to 2
            standard deviations), ``observed_events`` (the observed limit in signal events of all
            bins), ``method``, ``status``. An undefined number is None.
        """
        found, signal = self.arrays(cl=cl, method=method, upper_limits=upper_limits, **options)
        return [
            {
                "hypothesis": entry.name,
                "parameters": dict(entry.parameters),
                "observed": plain(found.observed[index]),
                "expected": [plain(value) for value in found.expected[index]],
                "observed_events": plain(found.observed[index] * signal[index]),
                "method": str(found.method[index]),
                "status": str(found.status[index]),
                **errors_of(found, index),
            }
            for index, entry in enumerate(self.entries)
        ]

    def arrays(
        self,
        *,
        cl: float,
        method: Method = "auto",
        upper_limits: UpperLimits | None = None,
        **options: Any,
    ) -> tuple[Limits, rows.Array]:
        """Return limits in the order of the entries, and the signal at POI 1 [events].

        See `limits`.
        """
        if method not in METHODS:
            raise InputError(f"unknown method {method!r}", hint=f"known: {', '.join(METHODS)}")
        upper_limits = upper_limits or _default()
        found = empty(len(self.entries), "asymptotic")
        signal = np.full(len(self.entries), np.nan)
        for indices, batch in self._sorted(is_all_pyhf=method == "pyhf"):
            if isinstance(batch, Likelihoods):
                signal[indices] = batch.signal.sum(axis=1)
                _batched(found, indices, batch, upper_limits, cl=cl, method=method, **options)
            elif method in ("auto", "asymptotic", "pyhf"):
                signal[indices] = self._with_pyhf(found, indices[0], batch, cl)
            else:
                found.method[indices] = method
                found.status[indices] = (
                    f"failed: only pyhf can do it, since {batch}; the method {method} cannot"
                )
        return found, signal

    def _with_pyhf(self, found: Limits, index: int, reason: str, cl: float) -> float:
        entry = self.entries[index]
        one = run.limit_of(entry.document, entry.content.measurement, cl=cl)
        found.method[index] = "pyhf"
        found.observed[index], found.expected[index] = one.observed, one.expected
        is_told = one.status == "ok" and reason
        found.status[index] = f"ok: with pyhf, since {reason}" if is_told else one.status
        return one.n_signal

    def _sorted(
        self, *, is_all_pyhf: bool = False
    ) -> Iterator[tuple[list[int], Likelihoods | str]]:
        """Yield entries with their batch, or one with the reason why it is in none."""
        waiting: dict[tuple[object, ...], list[tuple[int, rows.Row]]] = {}
        for index, entry in enumerate(self.entries):
            if is_all_pyhf:
                yield [index], ""
                continue
            try:
                row = rows.row(entry.content)
            except NotBatched as reason:
                yield [index], str(reason)
                continue
            group = waiting.setdefault(row.structure, [])
            group.append((index, row))
            if len(group) * row.size > _MOST_NUMBERS:
                yield _batch(waiting.pop(row.structure))
        for group in waiting.values():
            yield _batch(group)


def read(
    path: str | Path,
    patches: str | Path | None = None,
    measurement: str | None = None,
) -> Workspace:
    """Read a pyhf workspace, with a patchset if there is one.

    Parameters
    ----------
    path
        JSON file of schema 1.0.0.
    patches
        JSON file of a patchset: the signals are its patches, and not the workspace itself.
    measurement
        Name of the measurement; the first if absent.

    Raises
    ------
    InputError
        If a file cannot be read, is not what it should be, or has no POI.
    """
    document = jsonfile.read(path)
    reader = Reader(measurement)
    content = reader.read(document, str(path))
    if patches is None:
        if not content.has_poi:
            raise InputError(
                f"{path}: no sample has the POI {content.poi!r} of measurement "
                f"{content.measurement!r}",
                hint="a workspace of backgrounds alone needs its --patchset",
            )
        check_parameters(content, str(path))
        return Workspace((Entry(Path(path).stem, {}, document, content),))
    entries = []
    for patch in patchset.read(patches, document, path):
        where = f"{patches}, patch {patch.name!r}"
        patched = jsonpatch.applied(document, patch.operations, where)
        content = reader.read(patched, where)
        if not content.has_poi:
            raise InputError(f"{where}: no sample has the POI {content.poi!r}")
        check_parameters(content, where)
        entries.append(Entry(patch.name, patch.parameters, patched, content))
    return Workspace(tuple(entries))


def _batch(group: Sequence[tuple[int, rows.Row]]) -> tuple[list[int], Likelihoods]:
    return [index for index, _ in group], rows.stacked([row for _, row in group])


def _batched(
    found: Limits,
    indices: Sequence[int],
    batch: Likelihoods,
    upper_limits: UpperLimits,
    **options: Any,
) -> None:
    """Fill in the limits of a batch; a likelihood without signal has none."""
    has_signal = batch.signal.sum(axis=1) > 0
    rows_of = np.asarray(indices)
    found.status[rows_of[~has_signal]] = run.NO_SIGNAL
    if options["method"] != "auto":
        found.method[rows_of[~has_signal]] = options["method"]
    if has_signal.any():
        some = upper_limits(batch.take(has_signal), **options)
        for name in Limits.__dataclass_fields__:
            getattr(found, name)[rows_of[has_signal]] = getattr(some, name)


def _default() -> UpperLimits:
    import mcbook.limits

    return mcbook.limits.upper_limits
