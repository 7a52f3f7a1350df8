"""Stub: particles that the script adds to the table of basf2."""

from pathlib import Path

import _particles
import _session
import _tables


def add_particle(  # noqa: PLR0913, PLR0917
    name, pdgCode, mass, width, charge, spin, max_width=None, lifetime=0, pythiaID=0
):
    """Add a particle; say whether it was added."""
    if type(name) is not str or type(pdgCode) is not int or type(pythiaID) is not int:
        raise TypeError("add_particle: the name must be a str, the codes int")
    max_width = 3 * width if max_width is None and width is not None else max_width
    for value in (mass, width, charge, spin, max_width, lifetime):
        if not _tables.fits(value, _tables.NUMBER):
            raise TypeError(f"add_particle {name}: {value!r} is no number")
    if mass < 0 or width < 0 or lifetime < 0 or spin < 0 or 2 * spin % 1:
        raise ValueError(f"add_particle {name}: a negative number, or a spin that is not n/2")
    if lifetime > 0:
        _session.warning(f"add_particle {name}: a lifetime above 0 is not handled properly")
    names = {entry["name"] for entry in _particles.known.values()}
    if not name or len(name.split()) != 1 or name != name.strip():
        _session.error(f"add_particle: blanks in the name {name!r}")
        return False
    if pdgCode in _particles.known or name in names:
        _session.error(f"add_particle: {name} or {pdgCode} is in the table already")
        return False
    _particles.known[pdgCode] = {"name": name, "lifetime": lifetime}
    _session.particles.append({
        "name": name, "pdgCode": pdgCode, "mass": mass, "width": width, "charge": charge,
        "spin": spin, "max_width": max_width, "lifetime": lifetime, "pythiaID": pythiaID,
    })  # fmt: skip
    return True


def load(filename):
    """Replace the table by the one of a file in the format of EvtGen."""
    _tables.check_paths("pdg.load", "filename", filename)
    if not Path(filename).is_file():
        _session.fatal(f"pdg.load: there is no file {filename}")
    read = {}
    for line in Path(filename).read_text(encoding="utf-8").splitlines():
        words = line.split()
        if words[:3] == ["add", "p", "Particle"]:
            if len(words) != 12:
                _session.fatal(f"pdg.load: not 12 columns: {line}")
            read[int(words[4])] = {"name": words[3], "lifetime": float(words[10])}
    if not read:
        _session.fatal(f"pdg.load: there are no particles in {filename}")
    _particles.known.clear()
    _particles.known.update(read)
