"""Particles and vertices as numbers: all that an amplitude is made from."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from mcbook.amplitudes.lorentz import Structure, structure
from mcbook.errors import InputError

SCALAR_SPIN, FERMION_SPIN, VECTOR_SPIN = 1, 2, 3
_LEGS = 3


@dataclass(frozen=True, slots=True)
class Field:
    """A particle and its antiparticle; `spin` is 2s+1, mass and width in GeV.

    `anti` is `name` for a particle that is its own antiparticle.
    """

    name: str
    anti: str
    pdg_id: int
    spin: int
    mass: float
    width: float = 0.0

    @property
    def is_majorana(self) -> bool:
        """Whether it is a fermion that is its own antiparticle."""
        return self.spin == FERMION_SPIN and self.anti == self.name

    @property
    def is_massless(self) -> bool:
        """Whether its mass is zero."""
        return self.mass == 0

    def other(self, name: str) -> str:
        """Return the antiparticle of *name*, which is this particle or its antiparticle."""
        return self.anti if name == self.name else self.name

    def id_of(self, name: str) -> int:
        """Return the PDG id of *name*."""
        return self.pdg_id if name == self.name else -self.pdg_id


@dataclass(frozen=True, slots=True)
class Vertex:
    """One interaction: the factor in an amplitude is `coupling` times the structure.

    `particles` are outgoing, antifermion (or psi-bar) first, as in UFO. Without a structure it can
    be in diagrams, and has no value.
    """

    name: str
    particles: tuple[str, ...]
    structure: Structure | None
    coupling: complex


class Theory:
    """The fields and vertices of one sample.

    Parameters
    ----------
    fields
        Each particle once.
    vertices
        Name, outgoing particles, Lorentz structure in the form of UFO (None where nothing is
        computed), and coupling.

    Raises
    ------
    InputError
        If a vertex has a particle that is not there, more than three legs, or a structure that is
        not understood.
    """

    def __init__(
        self,
        fields: Iterable[Field],
        vertices: Iterable[tuple[str, tuple[str, ...], str | None, complex]],
    ) -> None:
        known: dict[str, Field] = {}
        for field in fields:
            for name in {field.name, field.anti}:
                if name in known:
                    raise InputError(f"there are two particles {name!r}")
                known[name] = field
        self.fields: Mapping[str, Field] = known
        self.vertices = tuple(self._vertex(*entry) for entry in vertices)

    def _vertex(
        self, name: str, particles: tuple[str, ...], text: str | None, coupling: complex
    ) -> Vertex:
        if len(particles) != _LEGS:
            raise InputError(
                f"the vertex {name} has {len(particles)} legs",
                hint="vertices with three legs can be computed here; use MadGraph for others",
            )
        for particle in particles:
            if particle not in self.fields:
                raise InputError(f"the vertex {name} has a particle {particle!r} that is not there")
        spins = tuple(self.fields[particle].spin for particle in particles)
        fermions = [slot for slot, spin in enumerate(spins) if spin == FERMION_SPIN]
        if fermions:
            self._check_line(name, [self.fields[particles[slot]] for slot in fermions])
            if fermions != [0, 1]:
                raise InputError(f"the vertex {name} does not have its two fermions first")
        found = None if text is None else structure(text, spins)
        if found is not None and fermions and particles[0] == particles[1]:
            found = found.for_one_majorana()
            if not found.entries:
                raise InputError(
                    f"the vertex {name} has no coupling of {particles[0]} to itself: with"
                    f" {text} it is its own opposite",
                    hint="a Majorana fermion has no vector current",
                )
        return Vertex(name, particles, found, coupling)

    def _check_line(self, name: str, pair: list[Field]) -> None:
        if len(pair) != 2:  # noqa: PLR2004
            raise InputError(f"the vertex {name} has {len(pair)} fermions")
        if pair[0].is_majorana != pair[1].is_majorana:
            raise InputError(
                f"the vertex {name} joins a Majorana and a Dirac fermion",
                hint="that is not computed here; use MadGraph",
            )
