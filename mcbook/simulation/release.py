"""Releases of basf2, as far as steering files depend on them.

What changed in which release was read in the public source of basf2. Release 05 boosts to the
laboratory in ``LHEInput`` and simulates the trigger apart; from 06 on ``BoostMCParticles`` boosts,
and ``add_simulation`` holds the trigger. The switch of ``LHEInput`` that numbers events was renamed
somewhere behind 08: event numbers come from ``EventInfoSetter``, which all of them have.
"""

import re
from dataclasses import dataclass

from mcbook.errors import InputError

OLDEST, NEWEST = 5, 10
"""Major numbers of the releases that steering files are known for."""

_RELEASE = re.compile(r"release-(\d\d)-(\d\d)(-\d\d)?")
_LIGHT = re.compile(r"light-\d{4}-\w+")


@dataclass(frozen=True, slots=True)
class Release:
    """One release: its name and its major number."""

    name: str
    major: int

    @property
    def boosts_in_reader(self) -> bool:
        """Whether ``LHEInput`` itself boosts to the laboratory."""
        return self.major == OLDEST

    @property
    def triggers_apart(self) -> bool:
        """Whether the simulation of the trigger is a step of its own."""
        return self.major == OLDEST

    @property
    def has_signal_generator(self) -> bool:
        """Whether ``add_evtgen_generator`` takes a decay file of the user."""
        return self.major > OLDEST


def parse_release(text: str) -> Release:
    """Return a release by its name, such as ``release-08-02-04``.

    Raises
    ------
    InputError
        If it is none for which steering files are known.
    """
    if _LIGHT.fullmatch(text):
        raise InputError(
            f"{text} is a light release, which has no detector simulation",
            hint="name a full one, such as release-08-02-04",
        )
    found = _RELEASE.fullmatch(text)
    if found is None:
        raise InputError(f"{text!r} is no release of basf2", hint="such as release-08-02-04")
    major = int(found[1])
    if not OLDEST <= major <= NEWEST:
        raise InputError(
            f"what basf2 takes in {text} is not known here",
            hint=f"steering files are known for releases {OLDEST:02d} to {NEWEST:02d}",
        )
    return Release(text, major)
