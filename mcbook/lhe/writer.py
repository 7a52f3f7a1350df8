"""Blocks of events as text: a matrix of bytes with a row for each event.

Every event of a process has the same particles in the same places, so that its text has one length.
What is the same in all events is written once, into a template; the numbers that vary are put into
their columns from tables of digits, see `mcbook.lhe.digits`.
"""

import gzip
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mcbook.lhe.deflate import Packed, Packing
from mcbook.lhe.digits import Array, Parts, cut, heads, middles, number, tails

Bytes = NDArray[np.uint8]

_SIGNED, _PLAIN = b" +0.0000000000e+00", b" 0.0000000000e+00"
_COMPONENTS = 4


@dataclass(frozen=True, slots=True)
class Row:
    """A particle of every event of a process; without colour, its helicity not said.

    Attributes
    ----------
    pdg_id, status, mothers
        As in the Les Houches accord; mothers are counted from 1, 0 where there is none.
    momentum
        px, py, pz, E [GeV] where it is the same in all events; None where it varies.
    mass
        Mass [GeV] where it is the same in all events; None where it varies.
    flies
        Whether it has a lifetime that varies from event to event.
    """

    pdg_id: int
    status: int
    mothers: tuple[int, int]
    momentum: tuple[float, float, float, float] | None = None
    mass: float | None = None
    flies: bool = False

    def codes(self) -> bytes:
        """Return the six integers that begin the line."""
        return b"%9d %2d %4d %4d    0    0" % (self.pdg_id, self.status, *self.mothers)

    def text(self) -> bytes:
        """Return the line with zeros for what varies."""
        momentum = self.momentum or (0.0, 0.0, 0.0, 0.0)
        return b"".join(
            (
                self.codes(),
                *(number(value, signed=True) for value in momentum[:3]),
                number(momentum[3], signed=False),
                number(self.mass or 0.0, signed=False),
                _PLAIN if self.flies else b" 0.0000e+00",
                b" 9.0000e+00\n",
            )
        )


@dataclass(frozen=True, slots=True)
class _Column:
    """Where a number goes: the array it is in, its place there, its first byte in the text."""

    array: int
    place: int
    start: int
    signed: bool
    behind: bytes
    """The two bytes that come after it."""


class EventText:
    """The text of the events of one process.

    Parameters
    ----------
    rows
        The particles.
    process
        Number of the process, the one in ``<init>``.
    weight
        Weight of every event: 1, or the cross section [pb]; see `mcbook.lhe.file.Init`.
    scale
        Scale of the event [GeV].
    alpha_qed, alpha_qcd
        Couplings, as they were used.
    """

    def __init__(
        self, rows: Sequence[Row], *, process: int = 1, weight: float, scale: float,
        alpha_qed: float, alpha_qcd: float = 0.0,
    ) -> None:  # fmt: skip
        numbers = (weight, scale, alpha_qed, alpha_qcd)
        if not np.isfinite(numbers).all():
            raise ValueError(f"not finite: {numbers}")
        first = b"<event>\n%2d %6d %+.7e %.8e %.8e %.8e\n" % (len(rows), process, *numbers)
        lines = [row.text() for row in rows]
        self._template = np.frombuffer(b"".join([first, *lines, b"</event>\n"]), dtype=np.uint8)
        starts = np.cumsum([len(first), *(len(line) for line in lines)])
        self._packing: Packing | None = None
        self._columns = self._layout(rows, [int(start) for start in starts])
        self._shapes = (
            (sum(row.momentum is None for row in rows), _COMPONENTS),
            (sum(row.mass is None for row in rows),),
            (sum(row.flies for row in rows),),
        )

    @property
    def n_bytes(self) -> int:
        """Return the length of an event."""
        return len(self._template)

    def matrix(self, momenta: Array, masses: Array, lifetimes: Array) -> Bytes:
        """Return the text of a block of events.

        Parameters
        ----------
        momenta
            px, py, pz, E [GeV] of the rows whose momentum varies, (rows, 4, events).
        masses
            Masses [GeV] of the rows whose mass varies, (rows, events).
        lifetimes
            c tau [mm] of the rows that fly, (rows, events).

        Returns
        -------
        NDArray[np.uint8]
            One row of bytes for each event, (events, bytes).

        Raises
        ------
        ValueError
            If a number cannot be written, or an array has another shape.
        """
        return self._fill(momenta, masses, lifetimes, None)

    def gzipped(self, momenta: Array, masses: Array, lifetimes: Array) -> bytes:
        """Return the text of a block of events as a gzip member; arguments as for `matrix`.

        It is compressed as it is made, see `mcbook.lhe.deflate`.
        """
        if self._packing is None:
            self._packing = Packing(
                self._template.tobytes(), [(one.start, one.signed) for one in self._columns]
            )
        count = momenta.shape[-1]
        if count == 0 or not self._packing.fits:
            return gzip.compress(self.matrix(momenta, masses, lifetimes).data, 1, mtime=0)
        packed = self._packing.block(count)
        return packed.member(self._fill(momenta, masses, lifetimes, packed))

    def _fill(
        self, momenta: Array, masses: Array, lifetimes: Array, packed: Packed | None
    ) -> Bytes:
        """Return the text of a block, and give the numbers to who packs them."""
        arrays = [np.ascontiguousarray(one, dtype=float) for one in (momenta, masses, lifetimes)]
        count = arrays[0].shape[-1]
        for array, shape in zip(arrays, self._shapes, strict=True):
            if array.shape != (*shape, count):
                raise ValueError(f"an array of {(*shape, count)} is wanted, not {array.shape}")
        flat = (arrays[0].reshape(math.prod(self._shapes[0]), count), *arrays[1:])
        filled = np.empty((count, self.n_bytes), dtype=np.uint8)
        filled[:] = self._template
        for column in self._columns if count else ():
            parts = cut(flat[column.array][column.place], signed=column.signed)
            _put(filled, column, parts)
            if packed is not None:
                packed.put(column.start, parts, signed=column.signed)
        return filled

    def _layout(self, rows: Sequence[Row], starts: Sequence[int]) -> list[_Column]:
        """Return the numbers that vary, in the order of the text."""
        found: list[_Column] = []
        places = [0, 0, 0]

        def add(array: int, start: int, *, signed: bool) -> None:
            end = start + len(_SIGNED if signed else _PLAIN)
            behind = self._template[end : end + 2].tobytes()
            found.append(_Column(array, places[array], start, signed, behind))
            places[array] += 1

        for row, start in zip(rows, starts, strict=False):
            at = start + len(row.codes())
            if row.momentum is None:
                for component in range(3):
                    add(0, at + component * len(_SIGNED), signed=True)
                add(0, at + 3 * len(_SIGNED), signed=False)
            at += 3 * len(_SIGNED) + len(_PLAIN)
            if row.mass is None:
                add(1, at, signed=False)
            if row.flies:
                add(2, at + len(_PLAIN), signed=False)
        return found


def _put(filled: Bytes, column: _Column, parts: Parts) -> None:
    """Write a column of numbers."""
    words: tuple[NDArray[np.uint64] | NDArray[np.uint32], ...] = (
        heads(signed=column.signed).take(parts.head),
        middles().take(parts.middle),
        tails(column.behind).take(parts.tail),
    )
    starts = (column.start, *_inner(column))
    for word, start in zip(words, starts, strict=True):
        place = np.ndarray(
            len(word), dtype=word.dtype, buffer=filled, offset=start, strides=filled.strides[:1]
        )
        place[:] = word  # may spill into the next number, which is written later


def _inner(column: _Column) -> tuple[int, int]:
    """Return where the sixth and the tenth digit of a number go."""
    sixth = column.start + len(b" +d.dddd" if column.signed else b" d.dddd")
    return sixth, sixth + 4
