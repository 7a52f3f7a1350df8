"""The particles that basf2 knows besides those of the Standard Model, by PDG id."""

from pathlib import Path

import _rules

particles = {}
_TAKEN = {"gamma", "e-", "mu-", "Z0", "A0", "Higgs0"}


def add_particle(  # noqa: PLR0913, PLR0917
    name,
    pdgCode,
    mass,
    width,
    charge,
    spin,
    max_width=None,
    lifetime=0,
    pythiaID=0,
):
    """Add a particle; return whether that went well."""
    if any(letter.isspace() for letter in name):
        _rules.fatal(f"the name {name!r} has blanks")
    for value in (mass, width, charge, spin, lifetime):
        if not isinstance(value, int | float):
            raise TypeError(value)
    names = {entry["name"] for entry in particles.values()} | _TAKEN
    if pdgCode in particles or pdgCode in _rules.STANDARD or name in names:
        return False
    particles[pdgCode] = {
        "name": name, "mass": mass, "width": width, "charge": charge, "spin": spin,
        "max_width": 3 * width if max_width is None else max_width, "lifetime": lifetime,
        "pythia": pythiaID,
    }  # fmt: skip
    return True


def load(filename):
    """Read a whole table of EvtGen in place of the known one."""
    with Path(filename).open() as lines:
        words = [line.split() for line in lines if not line.startswith("*")]
    if ["end"] not in words:
        _rules.fatal("the table has no end")
    for row in words[: words.index(["end"])]:
        code = int(row[4])
        particles[code] = {
            "name": row[3], "mass": float(row[5]), "width": float(row[6]),
            "charge": int(row[8]) / 3, "spin": int(row[9]) / 2, "max_width": float(row[7]),
            "lifetime": float(row[10]), "pythia": int(row[11]),
        }  # fmt: skip
