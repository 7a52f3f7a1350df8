"""Reads the block ``lifetimes`` of a selection: where ntuples keep how long particles lived."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mcbook.errors import InputError
from mcbook.grid.axes import scan_axis
from mcbook.registry.entries import Entries
from mcbook.registry.yamlfile import Keys

Array = NDArray[np.float64]

UNITS_MM = {"mm": 1.0, "cm": 10.0}
"""Millimetres in what lengths may be given in; cm is what basf2 writes."""

_KEYS = ("axis", "proper", "flight", "beta_gamma", "unit", "ctaus", "reach_mm")


@dataclass(frozen=True, slots=True)
class Lifetime:
    """A long-lived particle, and what the ntuples know of its decay.

    Attributes
    ----------
    particle
        Its name in the model.
    where
        File, line and key, for messages.
    axis
        What its lifetime is called in tables, such as ``ctau_chi2``.
    proper, flight
        The column of its true proper decay length c t, or of the true length of its flight in the
        laboratory; one of them.
    beta_gamma
        The column of its true beta gamma in the laboratory; always with `flight`.
    unit_mm
        Millimetres in the unit of these lengths.
    ctaus
        Lifetimes at which efficiencies are wanted [mm].
    reach_mm
        Between which lengths of the flight in the laboratory events can be selected at all [mm].
    """

    particle: str
    where: str
    axis: str
    proper: str | None
    flight: str | None
    beta_gamma: str | None
    unit_mm: float
    ctaus: tuple[float, ...]
    reach_mm: tuple[float, float] | None = None

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that are needed of selected events."""
        names = (self.proper, self.flight, self.beta_gamma)
        return tuple(name for name in names if name is not None)

    def decays(self, columns: Mapping[str, ArrayLike]) -> tuple[Array, Array | None]:
        """Return proper decay lengths [mm] and, where known, beta gamma of events, shape (n,).

        Parameters
        ----------
        columns
            The columns of the events by name.

        Raises
        ------
        InputError
            If beta gamma is not above 0.
        """
        boosts = None
        if self.beta_gamma is not None:
            boosts = np.asarray(columns[self.beta_gamma], dtype=np.float64)
            wrong = np.flatnonzero(~(np.isfinite(boosts) & (boosts > 0)))
            if wrong.size:
                raise InputError(
                    f"{self.where}: {self.beta_gamma} is {boosts[wrong[0]]:.4g} in {wrong.size}"
                    f" selected events: a beta gamma above 0 is wanted"
                )
        column = self.proper if self.proper is not None else self.flight
        lengths = np.asarray(columns[str(column)], dtype=np.float64) * self.unit_mm
        wrong = np.flatnonzero(~(np.isfinite(lengths) & (lengths >= 0)))
        if wrong.size:
            raise InputError(
                f"{self.where}: {column} is {lengths[wrong[0]] / self.unit_mm:.4g} in {wrong.size}"
                " selected events: a true length, 0 or above, is wanted for each",
                hint="is the candidate matched to the particle that was generated?",
            )
        if self.flight is not None and boosts is not None:
            lengths = lengths / boosts
        return lengths, boosts


def read_lifetimes(
    entries: Entries, given: Any, ctaus: Mapping[str, str] | None = None
) -> tuple[Lifetime, ...]:
    """Read the block ``lifetimes``.

    Parameters
    ----------
    entries
        The selection file.
    given
        What stands there.
    ctaus
        What the model calls the lifetime of a particle, by its name.

    Raises
    ------
    InputError
        If it is not right, with file, line and key.
    """
    keys: Keys = ("lifetimes",)
    if not isinstance(given, dict) or not given:
        raise entries.fail(
            keys, "a mapping of particles is wanted here",
            "such as {chi2: {axis: ctau_chi2, proper: chi2_ct, unit: cm, ctaus: [1, 10]}}",
        )  # fmt: skip
    found = tuple(
        _lifetime(entries, (*keys, name), name, entry, ctaus or {}) for name, entry in given.items()
    )
    axes = [one.axis for one in found]
    for one in found:
        if axes.count(one.axis) > 1:
            raise entries.fail(
                (*keys, one.particle, "axis"), f"{one.axis} is the axis of two particles"
            )
    return found


def _lifetime(
    entries: Entries, keys: Keys, name: str, given: Any, ctaus: Mapping[str, str]
) -> Lifetime:
    entries.word(keys, name)
    entry = entries.mapping(keys, given, _KEYS, ("unit", "ctaus"))
    if ("proper" in entry) == ("flight" in entry):
        raise entries.fail(
            keys, "either 'proper' or 'flight' is wanted",
            "the column of the true proper decay length, or of the true flight in the laboratory",
        )  # fmt: skip
    for key in ("flight", "reach_mm"):
        if key in entry and "beta_gamma" not in entry:
            raise entries.fail(
                (*keys, key),
                "'beta_gamma' is needed with it",
                "the column of p / m of the particle",
            )
    columns = {
        key: entries.word((*keys, key), entry[key]) if key in entry else None
        for key in ("proper", "flight", "beta_gamma")
    }
    return Lifetime(
        particle=name,
        where=entries.document.where(keys),
        axis=entries.word((*keys, "axis"), entry.get("axis", ctaus.get(name, f"ctau_{name}"))),
        **columns,
        unit_mm=UNITS_MM[entries.choice((*keys, "unit"), entry["unit"], tuple(UNITS_MM))],
        ctaus=_ctaus(entries, (*keys, "ctaus"), entry["ctaus"]),
        reach_mm=_reach(entries, (*keys, "reach_mm"), entry["reach_mm"])
        if "reach_mm" in entry
        else None,
    )


def _ctaus(entries: Entries, keys: Keys, given: Any) -> tuple[float, ...]:
    if isinstance(given, int | float) and not isinstance(given, bool):
        return (entries.number(keys, given, above=0),)
    values = scan_axis(entries.document, keys, "ctau", given).build()["ctau"]
    if not (values > 0).all():
        raise entries.fail(keys, "lifetimes are above 0")
    return tuple(values.tolist())


def _reach(entries: Entries, keys: Keys, given: Any) -> tuple[float, float]:
    if not isinstance(given, list):
        return 0.0, entries.number(keys, given, above=0)
    ends = entries.numbers(keys, given, least=0)
    if len(ends) != 2 or not ends[0] < ends[1]:  # noqa: PLR2004
        raise entries.fail(keys, "the shortest and the longest flight are wanted", "[0, 900]")
    return ends[0], ends[1]
