"""Reads the settings of a fast simulation: a YAML file of the user."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from mcbook.registry import yamlfile
from mcbook.registry.numbers import round9
from mcbook.registry.yamlfile import Document, Keys
from mcbook.selection.smearing import (
    KINDS,
    ExtraSettings,
    PhotonSettings,
    Smearing,
    TrackSettings,
)

SCHEMA = 1
KEYS = ("schema", "name", "tracks", "photons", "extra")
_TRACKS = (
    "min_pt", "momentum", "angle", "efficiency", "identification", "identified_from", "reach_mm",
)  # fmt: skip
_PHOTONS = ("min_energy", "energy", "angle", "efficiency", "gaps_deg", "reach_mm")
_NAME = re.compile(r"[A-Za-z0-9_.\-]+")
_MANY = 1e6
_FLAT_DEG = 180.0


def read_smearing(path: str | Path) -> Smearing:
    """Read settings of a fast simulation.

    Raises
    ------
    InputError
        If they are not right, with file, line and key.
    """
    document = yamlfile.read(path)
    document.check_schema(SCHEMA)
    document.check_keys((), KEYS)
    return _Reader(document).smearing()


def settings_of(smearing: Smearing) -> list[str]:
    """Return all settings but the name as sorted texts ``key=value``."""
    return sorted(_flat("", asdict(smearing)))


def _flat(start: str, value: Any) -> Iterator[str]:
    if isinstance(value, Mapping):
        for key, inner in value.items():
            if (start, key) != ("", "name"):
                yield from _flat(f"{start}.{key}" if start else key, inner)
    elif isinstance(value, tuple):
        yield f"{start}={','.join(_shown(one) for one in value) or 'none'}"
    else:
        yield f"{start}={_shown(value)}"


def _shown(value: Any) -> str:
    return "-".join(map(_shown, value)) if isinstance(value, tuple) else f"{value:.9g}"


class _Reader:
    def __init__(self, document: Document) -> None:
        self.document = document

    def smearing(self) -> Smearing:
        name = self.document.data.get("name")
        if not isinstance(name, str) or not _NAME.fullmatch(name):
            raise self.document.error(
                ("name",) if "name" in self.document.data else (),
                "a name is wanted: letters, digits, _ - .",
                "such as name: belle2_as_designed; simulations are found by it",
            )
        return Smearing(name, self.tracks(), self.photons(), self.extra())

    def tracks(self) -> TrackSettings:
        self.needed(("tracks",), _TRACKS)
        momentum = self.needed(("tracks", "momentum"), ("slope", "multiple_scattering"))
        angle = self.needed(("tracks", "angle"), ("constant_mrad", "per_p_mrad"))
        known = self.needed(("tracks", "identification"), tuple(KINDS))
        least = self.needed(("tracks", "identified_from"), tuple(KINDS))
        return TrackSettings(
            min_pt=self.number(("tracks", "min_pt")),
            slope=self.number((*momentum, "slope"), 1.0),
            multiple_scattering=self.number((*momentum, "multiple_scattering"), 1.0),
            angle_mrad=self.number((*angle, "constant_mrad"), 100.0),
            angle_per_p_mrad=self.number((*angle, "per_p_mrad"), 100.0),
            efficiency=self.number(("tracks", "efficiency"), 1.0),
            identification={kind: self.number((*known, kind), 1.0) for kind in KINDS},
            identified_from={kind: self.number((*least, kind)) for kind in KINDS},
            reach_mm=self.pair(("tracks", "reach_mm"), self.value(("tracks", "reach_mm")), _MANY),
        )

    def photons(self) -> PhotonSettings:
        self.needed(("photons",), _PHOTONS)
        energy = self.needed(
            ("photons", "energy"), ("noise", "stochastic", "fourth_root", "constant")
        )
        angle = self.needed(("photons", "angle"), ("constant_mrad", "per_root_e_mrad"))
        return PhotonSettings(
            min_energy=self.number(("photons", "min_energy")),
            noise=self.number((*energy, "noise"), 1.0),
            stochastic=self.number((*energy, "stochastic"), 1.0),
            fourth_root=self.number((*energy, "fourth_root"), 1.0),
            constant=self.number((*energy, "constant"), 1.0),
            angle_mrad=self.number((*angle, "constant_mrad"), 100.0),
            angle_per_root_mrad=self.number((*angle, "per_root_e_mrad"), 100.0),
            efficiency=self.number(("photons", "efficiency"), 1.0),
            gaps_deg=self.gaps(),
            reach_mm=self.pair(("photons", "reach_mm"), self.value(("photons", "reach_mm")), _MANY),
        )

    def extra(self) -> ExtraSettings:
        keys = self.needed(("extra",), ("mean_number", "mean_energy"))
        return ExtraSettings(
            self.number((*keys, "mean_number"), 100.0), self.number((*keys, "mean_energy"))
        )

    def needed(self, keys: Keys, words: tuple[str, ...]) -> Keys:
        """Check that a mapping is there with all of its keys and no others; return its keys."""
        self.value(keys)
        self.document.check_keys(keys, words)
        for word in words:
            self.value((*keys, word))
        return keys

    def value(self, keys: Keys) -> Any:
        found: Any = self.document.data
        for place, key in enumerate(keys):
            if not isinstance(found, dict) or key not in found:
                raise self.document.error(
                    keys[:place], f"the key {key!r} is missing",
                    "the example that is shipped has all of them: smearing.yaml",
                )  # fmt: skip
            found = found[key]
        return found

    def number(self, keys: Keys, most: float = _MANY) -> float:
        return self.checked(keys, self.value(keys), most)

    def checked(self, keys: Keys, value: Any, most: float) -> float:
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        if not is_number or not 0 <= value <= most:
            raise self.document.error(keys, f"{value!r} is no number from 0 to {most:g}")
        return round9(float(value))

    def pair(self, keys: Keys, value: Any, most: float) -> tuple[float, float]:
        if not isinstance(value, list) or len(value) != 2:  # noqa: PLR2004
            raise self.document.error(keys, "two numbers are wanted", "such as [32, 33]")
        first, second = (self.checked((*keys, at), one, most) for at, one in enumerate(value))
        return first, second

    def gaps(self) -> tuple[tuple[float, float], ...]:
        keys = ("photons", "gaps_deg")
        given = self.value(keys)
        if not isinstance(given, list):
            raise self.document.error(keys, "a list is wanted", "such as [[31.4, 32.2]], or []")
        gaps = tuple(self.pair((*keys, at), one, _FLAT_DEG) for at, one in enumerate(given))
        for at, (low, high) in enumerate(gaps):
            if low >= high:
                raise self.document.error((*keys, at), f"{low:g} is not below {high:g}")
        return gaps
