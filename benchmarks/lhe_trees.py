"""Events of LHE files as decay trees: who comes from whom, and the momenta in a fixed order.

Rows are matched by particle and mother, so that their order in the file does not matter;
identical particles of one mother are ordered by energy.
"""

import gzip
import itertools
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Ints = NDArray[np.int64]

EVENT_WORDS, ROW_WORDS = 6, 13
INCOMING = -1

NAMES = {
    11: "e-", -11: "e+", 13: "mu-", -13: "mu+", 15: "tau-", -15: "tau+", 22: "gamma", 14: "nu_mu",
    -14: "anti-nu_mu", 16: "nu_tau", -16: "anti-nu_tau", 211: "pi+", -211: "pi-", 321: "K+",
    -321: "K-", 9900022: "ap", 9900025: "hp", 9900026: "zp", 9900036: "alp", 9900051: "chi1",
    9900052: "chi2",
}  # fmt: skip


@dataclass(frozen=True)
class Tree:
    """A particle with what it decays to; daughters are sorted, so that equal trees are equal."""

    pdg: int
    daughters: tuple["Tree", ...] = ()

    @property
    def key(self) -> str:
        """Return the tree as text, by which trees are sorted."""
        name = NAMES.get(self.pdg, str(self.pdg))
        if not self.daughters:
            return name
        return f"({name} > {' '.join(daughter.key for daughter in self.daughters)})"

    @property
    def size(self) -> int:
        """Return the number of rows."""
        return 1 + sum(daughter.size for daughter in self.daughters)


def read(path: Path) -> dict[Tree, Array]:
    """Read a sample.

    Returns
    -------
    dict
        Momenta (E, px, py, pz) in GeV of shape (events, rows, 4) by decay tree. The root of a tree
        stands for the initial state; the rows of a tree are mothers before daughters.
    """
    text = path.read_bytes()
    if path.suffix == ".gz":
        text = gzip.decompress(text)
    text = text[text.index(b"</init>") + len(b"</init>") :]
    text = re.sub(rb"<(mgrwt|rwgt)\b.*?</\1>|#[^\n]*|<[^>]*>", b" ", text, flags=re.DOTALL)
    words = np.fromstring(text.decode(), sep=" ")  # one number after the other
    found: dict[Tree, list[Array]] = {}
    for rows in _blocks(words):
        codes = np.ascontiguousarray(rows[:, :, :3].astype(np.int64)).reshape(len(rows), -1)
        patterns, which = np.unique(codes, axis=0, return_inverse=True)
        for number, pattern in enumerate(patterns):
            tree, order = _tree(pattern.reshape(-1, 3))
            momenta = rows[which.ravel() == number][:, order][:, :, [9, 6, 7, 8]]
            momenta = np.concatenate([momenta.sum(axis=1, keepdims=True) * 0, momenta], axis=1)
            momenta[:, 0] = _sum_of_daughters(tree, momenta)
            found.setdefault(tree, []).append(by_energy(tree, momenta))
    return {tree: np.concatenate(parts) for tree, parts in found.items()}


def _blocks(words: Array) -> Iterator[Array]:
    """Yield the rows of events, shape (events, rows, 13), those of equal number together."""
    size = EVENT_WORDS + ROW_WORDS * int(words[0])
    if len(words) % size == 0 and np.all(words[::size] == words[0]):
        yield words.reshape(-1, size)[:, EVENT_WORDS:].reshape(-1, int(words[0]), ROW_WORDS)
        return
    starts: dict[int, list[int]] = {}
    start = 0
    while start < len(words):
        rows = int(words[start])
        starts.setdefault(rows, []).append(start)
        start += EVENT_WORDS + ROW_WORDS * rows
    for rows, places in starts.items():
        where = np.array(places)[:, None] + EVENT_WORDS + np.arange(ROW_WORDS * rows)
        yield words[where].reshape(len(places), rows, ROW_WORDS)


def _tree(pattern: Ints) -> tuple[Tree, list[int]]:
    """Return the tree of rows (pdg, status, mother), and the rows in the order of the tree."""
    incoming = [i + 1 for i, (_, status, _) in enumerate(pattern) if status == INCOMING]

    def daughters(mothers: list[int]) -> tuple[tuple[Tree, ...], list[int]]:
        made = sorted(
            (grown(i) for i, row in enumerate(pattern) if row[1] != INCOMING and row[2] in mothers),
            key=lambda pair: pair[0].key,
        )
        return tuple(tree for tree, _ in made), [i for _, order in made for i in order]

    def grown(row: int) -> tuple[Tree, list[int]]:
        below, order = daughters([row + 1])
        return Tree(int(pattern[row][0]), below), [row, *order]

    below, order = daughters(incoming)
    return Tree(0, below), order


def _sum_of_daughters(tree: Tree, momenta: Array) -> Array:
    return sum((momenta[:, place] for place, _ in places(tree, 0)), np.zeros_like(momenta[:, 0]))


def places(tree: Tree, start: int) -> Iterator[tuple[int, Tree]]:
    """Yield the daughters of a tree that stands at row *start*, with their rows."""
    start += 1
    for daughter in tree.daughters:
        yield start, daughter
        start += daughter.size


def variants(tree: Tree) -> list[tuple[Tree, list[int]]]:
    """Return a tree with any of its resonances left out, and the rows that are kept.

    A generator writes an intermediate particle or not, by how far it is off its shell.
    """
    options = []
    for place, daughter in places(tree, 0):
        inner = [(one, [place + row for row in rows]) for one, rows in variants(daughter)]
        kept = [((one,), [rows]) for one, rows in inner]
        for one, rows in inner if daughter.daughters else ():
            parts = [rows[start : start + d.size] for start, d in places(one, 0)]
            kept.append((one.daughters, parts))
        options.append(kept)
    found = {}
    for chosen in itertools.product(*options):
        pairs = [pair for ones, parts in chosen for pair in zip(ones, parts, strict=True)]
        pairs.sort(key=lambda pair: pair[0].key)
        rows = [0, *(row for _, part in pairs for row in part)]
        found[Tree(tree.pdg, tuple(one for one, _ in pairs))] = rows
    return list(found.items())


def matched(*samples: Mapping[Tree, Array]) -> list[dict[Tree, Array]]:
    """Leave out resonances that only some of the events have, in all samples."""
    known = {tree for sample in samples for tree in sample}
    return [_left_out(sample, known) for sample in samples]


def _left_out(sample: Mapping[Tree, Array], known: set[Tree]) -> dict[Tree, Array]:
    found: dict[Tree, list[Array]] = {}
    for tree, momenta in sample.items():
        fitting = [(one, rows) for one, rows in variants(tree) if one in known]
        one, rows = min(fitting, key=lambda pair: pair[0].size)
        found.setdefault(one, []).append(by_energy(one, momenta[:, rows]))
    return {tree: np.concatenate(parts) for tree, parts in found.items()}


def by_energy(tree: Tree, momenta: Array) -> Array:
    """Order identical daughters of each mother by energy, with all that they decay to."""
    momenta = momenta.copy()

    def order(mother: Tree, start: int) -> None:
        for _, group in itertools.groupby(places(mother, start), key=lambda pair: pair[1]):
            same = list(group)
            (first, daughter), count = same[0], len(same)
            view = momenta[:, first : first + count * daughter.size]
            blocks = view.reshape(len(momenta), count, daughter.size, 4)
            ranks = np.argsort(-blocks[:, :, 0, 0], axis=1)[:, :, None, None]
            momenta[:, first : first + count * daughter.size] = np.take_along_axis(
                blocks, ranks, axis=1
            ).reshape(view.shape)
            for place, one in same:
                order(one, place)

    order(tree, 0)
    return momenta
