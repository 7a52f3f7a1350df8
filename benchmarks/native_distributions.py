"""Compare two samples of LHE events of one process in many distributions.

    python benchmarks/native_distributions.py REFERENCE.lhe.gz OTHER.lhe.gz

Every observable is compared by a two-sample Kolmogorov-Smirnov test: cos theta, energy and azimuth
of every particle; the mass of every resonance; for every decay the helicity angles of its
daughters and their azimuth against the plane that made the mother; the angle between every two
decay planes; opening angles and invariant masses of pairs of final particles; recoil masses.

Rows are matched by particle and mother, so that their order does not matter, and identical
particles of one mother are ordered by energy. Events whose decay trees differ (the channels of a
process) are compared apart, and their fractions as well; a resonance that only some of the
events have is left out. The lowest p-value of n independent observables would be 1 / (n + 1) on
average; these are correlated, and theirs tends to be larger.
"""

import argparse
import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from lhe_trees import NAMES, Array, Tree, matched, places, read
from scipy import stats

SHARP = 1e-5
"""An observable is no distribution if most of it lies within so much, relative to its size."""


def _mass(momentum: Array) -> Array:
    square = momentum[:, 0] ** 2 - (momentum[:, 1:] ** 2).sum(axis=1)
    return np.sqrt(np.maximum(square, 0))


def _unit(vector: Array) -> Array:
    return vector / np.linalg.norm(vector, axis=1, keepdims=True)


def _dot(one: Array, other: Array) -> Array:
    return (one * other).sum(axis=1)


def _at_rest(momentum: Array, mother: Array) -> Array:
    """Return momenta in the rest frame of *mother*."""
    mass = _mass(mother)[:, None]
    along = _dot(momentum[:, 1:], mother[:, 1:])[:, None]
    energy = (momentum[:, :1] * mother[:, :1] - along) / mass
    flight = momentum[:, 1:] - mother[:, 1:] * (momentum[:, :1] + energy) / (mother[:, :1] + mass)
    return np.concatenate([energy, flight], axis=1)


def _angle_about(axis: Array, one: Array, other: Array) -> Array:
    """Return the angle from one vector to another as seen along *axis*."""
    return np.arctan2(_dot(_unit(axis), np.cross(one, other)), _dot(one, other))


@dataclass(frozen=True)
class Row:
    """A row of a tree: its name, its mother, its daughters and the final particles in it."""

    place: int
    name: str
    mother: int
    daughters: tuple[int, ...]
    leaves: frozenset[int]


def _rows(tree: Tree) -> list[Row]:
    """Return the rows of a tree; names say the mother, and the rank among particles of one kind."""
    rows: list[Row] = []

    def enter(one: Tree, start: int, mother: int, name: str) -> frozenset[int]:
        here = len(rows)
        rows.append(Row(start, name, mother, (), frozenset()))
        below = list(places(one, start))
        codes = [daughter.pdg for daughter in one.daughters]
        seen: dict[int, int] = {}
        leaves: frozenset[int] = frozenset() if below else frozenset({start})
        for place, daughter in below:
            seen[daughter.pdg] = seen.get(daughter.pdg, 0) + 1
            rank = f"#{seen[daughter.pdg]}" if codes.count(daughter.pdg) > 1 else ""
            label = NAMES.get(daughter.pdg, str(daughter.pdg)) + rank
            label += f"<{name}" if mother >= 0 else ""
            leaves |= enter(daughter, place, start, label)
        rows[here] = Row(start, name, mother, tuple(place for place, _ in below), leaves)
        return leaves

    enter(tree, 0, -1, "")
    return rows


def observables(tree: Tree, momenta: Array) -> Iterator[tuple[str, Array]]:
    """Yield all observables of the events of one tree by name."""
    rows = _rows(tree)
    for row in rows[1:]:
        p = momenta[:, row.place]
        yield f"cos theta {row.name}", _unit(p[:, 1:])[:, 2]
        yield f"E {row.name}", p[:, 0]
        yield f"phi {row.name}", np.arctan2(p[:, 2], p[:, 1])
        if row.daughters:
            yield f"m {row.name}", _mass(p)
            yield from _helicity(rows, row, momenta)
    yield from _planes(rows, momenta)
    yield from _sets(rows, momenta)


def _helicity(rows: list[Row], row: Row, momenta: Array) -> Iterator[tuple[str, Array]]:
    """Yield angles of the daughters of one row in its rest frame.

    The polar angle is against its flight in the rest frame of its own mother, the azimuth against
    the beam (its mother is the initial state) or against the flight of its mother.
    """
    mother, above = momenta[:, row.place], momenta[:, row.mother]
    axis = _at_rest(mother, above)[:, 1:]
    if rows[row.mother].mother < 0:
        reference = np.broadcast_to([0.0, 0.0, 1.0], axis.shape)
    else:
        reference = _at_rest(above, momenta[:, rows[row.mother].mother])[:, 1:]
    normal = np.cross(reference, axis)
    # in the rest frame of two daughters the second flies against the first
    shown = row.daughters[:1] if len(row.daughters) == 2 else row.daughters  # noqa: PLR2004
    for place in shown:
        name = rows[place].name
        way = _at_rest(_at_rest(momenta[:, place], above), _at_rest(mother, above))[:, 1:]
        yield f"cos helicity {name}", _dot(_unit(way), _unit(axis))
        yield f"azimuth {name}", _angle_about(axis, normal, np.cross(axis, way))


def _planes(rows: list[Row], momenta: Array) -> Iterator[tuple[str, Array]]:
    """Yield the angle between the planes of every two decays."""
    decays = [row for row in rows[1:] if row.daughters]
    normals = {
        row.place: np.cross(momenta[:, row.daughters[0], 1:], momenta[:, row.daughters[1], 1:])
        for row in decays
    }
    for one, other in itertools.combinations(decays, 2):
        axis = momenta[:, one.place, 1:]
        angle = _angle_about(axis, normals[one.place], normals[other.place])
        yield f"planes {one.name}, {other.name}", angle


def _sets(rows: list[Row], momenta: Array) -> Iterator[tuple[str, Array]]:
    """Yield opening angles of pairs, and masses of pairs and of what stands against one or two."""
    everything = rows[0].leaves
    known = {row.leaves for row in rows}
    for first, second in itertools.combinations(sorted(everything), 2):
        names = f"{rows[first].name}, {rows[second].name}"
        ways = (_unit(momenta[:, place, 1:]) for place in (first, second))
        yield f"opening {names}", _dot(*ways)
    for count, against in ((2, False), (1, True), (2, True)):
        for picked in itertools.combinations(sorted(everything), count):
            held = everything - frozenset(picked) if against else frozenset(picked)
            if len(held) > 1 and held not in known:
                known.add(held)
                what = "recoil mass" if against else "m"
                names = ", ".join(rows[place].name for place in picked)
                yield f"{what} {names}", _mass(momenta[:, sorted(held)].sum(axis=1))


@dataclass(frozen=True)
class Comparison:
    """The p-values of all observables, lowest first, and the numbers of events."""

    p_values: Mapping[str, float]
    events: tuple[int, int]
    sharp: tuple[str, ...]
    """Observables that are one number, the same in both samples."""

    @property
    def lowest(self) -> float:
        """Return the lowest p-value."""
        return min(self.p_values.values())

    @property
    def different(self) -> tuple[float, ...]:
        """Return the p-values, equal ones once: kinematics may make two observables one."""
        return tuple({f"{value:.6g}": value for value in self.p_values.values()}.values())

    @property
    def median(self) -> float:
        """Return the median of the different p-values."""
        return float(np.median(self.different))

    @property
    def expected_lowest(self) -> float:
        """Return the mean of the lowest of so many independent p-values."""
        return 1 / (len(self.different) + 1)


def compare(reference: Mapping[Tree, Array], other: Mapping[Tree, Array]) -> Comparison:
    """Compare two samples, as `read` returns them."""
    reference, other = matched(reference, other)
    events = tuple(sum(len(p) for p in sample.values()) for sample in (reference, other))
    p_values: dict[str, float] = {}
    sharp: list[str] = []
    trees = sorted({*reference, *other}, key=lambda tree: tree.key)
    if len(trees) > 1:
        counts = [[len(sample.get(tree, ())) for tree in trees] for sample in (reference, other)]
        p_values["fractions of the decay trees"] = float(stats.chi2_contingency(counts)[1])
    for number, tree in enumerate(trees, start=1):
        if tree not in reference or tree not in other:
            continue
        prefix = f"[{number}] " if len(trees) > 1 else ""
        pairs = zip(observables(tree, reference[tree]), observables(tree, other[tree]), strict=True)
        for (name, ours), (_, theirs) in pairs:
            if (
                is_sharp(ours)
                and is_sharp(theirs)
                and np.isclose(np.median(ours), np.median(theirs), rtol=SHARP, atol=SHARP)
            ):
                sharp.append(prefix + name)
                continue
            tested = stats.ks_2samp(ours, theirs, method="asymp")
            p_values[prefix + name] = float(tested.pvalue)
    ordered = dict(sorted(p_values.items(), key=lambda pair: pair[1]))
    return Comparison(ordered, (events[0], events[1]), tuple(sharp))


def is_sharp(values: Array) -> bool:
    """Return whether an observable is one number: a mass without width, an energy it fixes."""
    low, middle, high = np.quantile(values, [0.05, 0.5, 0.95])
    return bool(high - low < SHARP * max(abs(middle), 1))


HEADER = (
    "| process | events | observables | different | lowest p | of | expected lowest | median |\n"
    "|---|---|---|---|---|---|---|---|"
)


def table_row(process: str, found: Comparison) -> str:
    """Return a comparison as a row of a Markdown table under `HEADER`."""
    events = " x ".join(f"{count:,}" for count in found.events)
    lowest = next(iter(found.p_values))
    return (
        f"| {process} | {events} | {len(found.p_values)} | {len(found.different)} "
        f"| {found.lowest:.2g} | {lowest} | {found.expected_lowest:.2g} | {found.median:.2f} |"
    )


def main() -> None:
    """Compare two files and print all p-values."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("reference", type=Path)
    parser.add_argument("other", type=Path)
    parser.add_argument("--row", metavar="PROCESS", help="print a row of a Markdown table only")
    options = parser.parse_args()
    found = compare(read(options.reference), read(options.other))
    if options.row is not None:
        print(table_row(options.row, found))
        return
    for name, p_value in found.p_values.items():
        print(f"{p_value:9.3g}  {name}")
    if found.sharp:
        print(f"one number in both: {', '.join(found.sharp)}")
    print(
        f"{found.events[0]} x {found.events[1]} events, {len(found.p_values)} observables, "
        f"{len(found.different)} different: "
        f"lowest p {found.lowest:.2g} (independent ones: {found.expected_lowest:.2g}), "
        f"median {found.median:.2f}"
    )


if __name__ == "__main__":
    main()
