"""Files of events: the head, then block after block of events.

In a gzip file each of them is a member of its own; the head is stored, not compressed.
"""

import gzip
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

import numpy as np

from mcbook.lhe.digits import Array
from mcbook.lhe.writer import Bytes, EventText

_END = b"</LesHouchesEvents>\n"


@dataclass(frozen=True, slots=True)
class Process:
    """A line of ``<init>``: cross section and its error [pb], and the number of the process."""

    cross_section_pb: float
    error_pb: float
    number: int = 1


@dataclass(frozen=True, slots=True)
class Init:
    """What ``<init>`` says.

    Attributes
    ----------
    beams
        PDG id and energy [GeV] of the two beams.
    processes
        Their cross sections.
    strategy
        IDWTUP of the Les Houches accord. 3: events are unweighted, each has the weight 1, the cross
        section is the one stated here. -4, as in MadGraph: the mean weight of the events is the
        cross section [pb], which must then be known before the first event is written.
    """

    beams: tuple[tuple[int, float], tuple[int, float]]
    processes: Sequence[Process]
    strategy: int = 3

    def text(self) -> str:
        """Return the block. Without parton densities, as MadGraph writes it for leptons."""
        (first, at), (second, against) = self.beams
        lines = [
            f"{first} {second} {at:.6e} {against:.6e} 0 0 0 0 {self.strategy} {len(self.processes)}"
        ]
        for one in self.processes:
            numbers = (one.cross_section_pb, one.error_pb, self._largest(one))
            lines.append(" ".join(f"{number:.6e}" for number in numbers) + f" {one.number}")
        return "\n".join(("<init>", *lines, "</init>", ""))

    def _largest(self, process: Process) -> float:
        """Return the largest weight of a process."""
        return process.cross_section_pb if abs(self.strategy) == 4 else 1.0  # noqa: PLR2004


class LheWriter:
    """Writes a file of events, plain or, where its name ends in ``.gz``, compressed.

    The file appears when the block is left; after an exception it does not.

    Parameters
    ----------
    path
        The file.
    header
        The text inside ``<header>``, well-formed XML.
    init
        Beams and processes.
    level
        Level of zlib's compression, 1 to 9. Without one, events that `add` is given are compressed
        as they are made: of the size of level 1, in a quarter of its time.
    """

    def __init__(
        self, path: str | Path, header: str, init: Init, *, level: int | None = None
    ) -> None:
        self._path = Path(path)
        self._aside = self._path.with_name(f"{self._path.name}.part")
        self._head = _head(header, init)
        self._is_packed = self._path.suffix == ".gz"
        self._level = level
        self._stream: BinaryIO | None = None

    def __enter__(self) -> Self:
        self._stream = self._aside.open("wb")
        self._stream.write(self._packed(self._head, 0))
        return self

    def add(self, text: EventText, momenta: Array, masses: Array, lifetimes: Array) -> None:
        """Write a block of events; for the arrays see `mcbook.lhe.writer.EventText.matrix`."""
        if self._is_packed and self._level is None:
            self._put(text.gzipped(momenta, masses, lifetimes))
        else:
            self.write(text.matrix(momenta, masses, lifetimes))

    def write(self, events: Bytes) -> None:
        """Write a block of events whose text there is."""
        self._put(self._packed(np.ascontiguousarray(events).data, self._level or 1))

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:  # fmt: skip
        stream = self._stream
        if stream is None:
            return
        with stream:
            if kind is None:
                stream.write(self._packed(_END, 0))
        if kind is None:
            self._aside.replace(self._path)
        else:
            self._aside.unlink()

    def _put(self, content: memoryview | bytes) -> None:
        if self._stream is None:
            raise ValueError("the file is not open")
        self._stream.write(content)

    def _packed(self, content: memoryview | bytes, level: int) -> memoryview | bytes:
        """Return a part of the file as it lies there."""
        return gzip.compress(content, level, mtime=0) if self._is_packed else content


def _head(header: str, init: Init) -> bytes:
    """Return everything before the first event."""
    text = header if header.endswith("\n") else f"{header}\n"
    return (f'<LesHouchesEvents version="3.0">\n<header>\n{text}</header>\n{init.text()}').encode()
