"""Names and PDG ids that EvtGen already knows, and those that a new particle may take.

A name that is taken is worse than an error: EvtGen ignores an alias that equals a name of its table
and decays the wrong particle; a PDG id that is taken goes unnoticed.
"""

import re
from collections.abc import Iterable

from mcbook.errors import InputError
from mcbook.registry.model import Particle

LONGEST_NAME = 40
"""EvtGen reads names into a buffer of 100 characters without looking; this leaves a margin."""

_NAME = re.compile(r"[A-Za-z0-9/\-+*_().'~]+")

# Belle II's DECAY_BELLE2.DEC declares an alias for signal decays of each of these, named <name>sig.
_SIGNAL_ALIASES = (
    "B0 anti-B0 B+ B- B_s0 anti-B_s0 B_c+ B_c- eta_b h_b Sigma_b- anti-Sigma_b+ Lambda_b0 "
    "anti-Lambda_b0 Omega_b- anti-Omega_b+ Xi_b- anti-Xi_b+ Xi_b0 anti-Xi_b0 J/psi chi_c0 chi_c1 "
    "chi_c2 psi(2S) psi(3770) D*+ D*- D*0 anti-D*0 D0 anti-D0 D+ D- D_s+ D_s- Lambda_c+ "
    "anti-Lambda_c- tau+ tau- Upsilon Upsilon(2S) Upsilon(3S) Upsilon(4S) Upsilon(5S) X_1(3872) "
    "h_c Sigma+ anti-Sigma- Lambda0 anti-Lambda0 B_10 anti-B_10 B_2*0 anti-B_2*0 B_s10 anti-B_s10 "
    "B_s2*0 anti-B_s2*0 B_1+ B_1- B_2*+ B_2*-"
)
_OTHER_ALIASES = "K*L K*S K*BL K*BS K*0T anti-K*0T anti-K_0*0N K_0*0N phiR f_2R K*BR K*0R K*-R K*+R"
DEFAULT_ALIASES = frozenset(
    [f"{name}sig" for name in _SIGNAL_ALIASES.split()] + _OTHER_ALIASES.split()
)
"""Aliases that Belle II's default decay table declares; declaring one again aborts EvtGen."""

# Names and ids of EvtGen's tables (2.2.0) that the `particle` package does not list, and ids that
# Belle II's table and its test of decay files use.
_TAKEN_NAMES = frozenset({
    "A0", "Higgs0", "Higgs'0", "Z'0", "Z''0", "R0", "Xu0", "Xdd", "anti-Xdd", "Xdu+", "anti-Xdu-",
    "vpho", "s", "b", "g", "t", "L+", "L-", "system", "string", "tritium", "anti-tritium",
})  # fmt: skip
_TAKEN_IDS = frozenset({
    4124, 30221, 30643, 30653, 1111553, 9000113, 9000211, 9010221, 9910610, 9920443,
})  # fmt: skip
_PDG_SPELLING = re.compile(r"\w+\(\d\)\(\d{4}\)[0+-]?")


def known_name(name: str) -> bool:
    """Whether EvtGen's table or Belle II's default decay table has *name*."""
    from particle.converters.evtgen import EvtGenName2PDGIDBiMap
    from particle.exceptions import MatchingIDNotFound

    if name in _TAKEN_NAMES or name in DEFAULT_ALIASES or _PDG_SPELLING.fullmatch(name):
        return True
    try:
        EvtGenName2PDGIDBiMap[name]
    except MatchingIDNotFound:
        return False
    return True


def known_ids() -> frozenset[int]:
    """Return the PDG ids of EvtGen's table, of both signs."""
    from particle.data import basepath

    lines = (basepath / "pdgid_to_evtgenname.csv").read_text(encoding="utf-8").splitlines()
    numbers = (line.partition(",")[0] for line in lines)
    table = {int(text) for text in numbers if text.lstrip("-").isdigit()}
    return frozenset(table | _TAKEN_IDS | {-one for one in _TAKEN_IDS})


def known_id(pdg_id: int) -> bool:
    """Whether EvtGen's table has a particle of this PDG id."""
    from particle import PDGID
    from particle.converters.evtgen import EvtGenName2PDGIDBiMap
    from particle.exceptions import MatchingIDNotFound

    if abs(pdg_id) in _TAKEN_IDS:
        return True
    try:
        EvtGenName2PDGIDBiMap[PDGID(pdg_id)]
    except MatchingIDNotFound:
        return False
    return True


def is_in_table(name: str, pdg_id: int) -> bool:
    """Whether EvtGen's table has a particle of this name and of this PDG id."""
    from particle.converters.evtgen import EvtGenName2PDGIDBiMap
    from particle.exceptions import MatchingIDNotFound

    try:
        return int(EvtGenName2PDGIDBiMap[name]) == pdg_id
    except MatchingIDNotFound:
        return False


def check_name(name: str, *, owner: str) -> None:
    """Check that *name* can be written into a table of EvtGen and read by every parser.

    Raises
    ------
    InputError
        If it has characters that EvtGen or decaylanguage cannot read, or is too long.
    """
    if not _NAME.fullmatch(name) or name.startswith("End") or name.lower() in {"add", "end", "set"}:
        raise InputError(
            f"the particle {owner}: EvtGen cannot read the name {name!r}",
            hint="letters, digits and / - + * _ ( ) . ' ~ only, without blanks",
        )
    if len(name) > LONGEST_NAME:
        raise InputError(
            f"the particle {owner}: the EvtGen name {name!r} has {len(name)} characters",
            hint=f"at most {LONGEST_NAME} are safe",
        )


def check_new_particles(particles: Iterable[Particle]) -> None:
    """Check that new particles take names and PDG ids that are free.

    Raises
    ------
    InputError
        If a name or an id is taken, or two new particles share one.
    """
    names: dict[str, str] = {}
    ids: dict[int, str] = {}
    for particle in particles:
        for own in filter(None, (particle.name, particle.anti)):
            name, pdg_id = particle.called(own, "evtgen"), particle.id_of(own)
            check_name(name, owner=own)
            if known_name(name) or name in names:
                raise InputError(
                    f"the particle {own}: EvtGen already has a particle {name!r}",
                    hint=f"give it another in the model: names: {{evtgen: {own}_dark}}",
                )
            if known_id(pdg_id) or pdg_id in ids:
                raise InputError(
                    f"the particle {own}: the PDG id {pdg_id} is taken in EvtGen's table",
                    hint="ids between 9900020 and 9900099 are mostly free",
                )
            names[name], ids[pdg_id] = own, own
        if particle.anti is None and known_id(-particle.pdg_id):
            raise InputError(
                f"the particle {particle.name}: EvtGen has a particle of id {-particle.pdg_id} "
                "and would take it for the antiparticle",
                hint="choose a PDG id that is free with either sign",
            )
