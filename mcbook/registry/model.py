"""Signal models as frozen records: what the YAML of a model says, checked.

The loader makes these; everything else only reads them.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from mcbook.registry.chain import Chain
from mcbook.registry.expressions import Expression

Role = frozenset[str]
"""``{"shape"}``, any of ``{"rate", "lifetime"}``, or empty for a parameter without effect."""

SHAPE: Role = frozenset({"shape"})
UNUSED: Role = frozenset()


@dataclass(frozen=True, slots=True)
class Parameter:
    """One free number of a signal model.

    `default` is None for an optional parameter, which is absent unless it is set. `introduced` is
    the default with which the parameter came into the model: a value equal to it does not enter an
    id. `reference` is the value at which samples are generated when only rate or lifetime depend on
    it. `minimum` and `maximum` belong to the allowed range, `above` and `below` do not. `interest`
    is the range that searches look at; leaving it is no error.
    """

    name: str
    latex: str
    unit: str
    description: str
    default: float | None
    introduced: float | None
    reference: float | None
    minimum: float | None = None
    above: float | None = None
    maximum: float | None = None
    below: float | None = None
    interest: tuple[float, float] | None = None

    @property
    def is_optional(self) -> bool:
        """Whether the parameter may be absent."""
        return self.default is None


@dataclass(frozen=True, slots=True)
class Particle:
    """A particle as processes name it.

    `charge` in units of e, `spin` 0, 0.5 or 1, `mass` an expression in GeV. `width` and `ctau` name
    derived quantities (GeV, mm); None means that nothing here decays it. `anti` is None for a
    particle that is its own antiparticle. `names` says what a generator calls it, where that
    differs from `name`.
    """

    name: str
    anti: str | None
    pdg_id: int
    spin: float
    charge: int
    mass: Expression
    width: str | None
    ctau: str | None
    latex: str
    anti_latex: str
    names: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    anti_names: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    is_standard_model: bool = False

    def called(self, name: str, generator: str) -> str:
        """Return what *generator* calls *name*, which is this particle or its antiparticle."""
        if name == self.name:
            return self.names.get(generator, name)
        return self.anti_names.get(generator, name)

    def id_of(self, name: str) -> int:
        """Return the PDG id of *name*, which is this particle or its antiparticle."""
        return self.pdg_id if name == self.name else -self.pdg_id

    def charge_of(self, name: str) -> int:
        """Return the charge of *name* in units of e."""
        return self.charge if name == self.name else -self.charge


@dataclass(frozen=True, slots=True)
class Interaction:
    """One vertex: the factor is i c (structure), with c given by `coupling`.

    Structures: ``FFV`` gamma^mu, ``FFVL`` gamma^mu P_L, ``FFS`` 1, ``FFP`` i gamma5, ``VVS``
    g^mu nu, ``VVSdual`` epsilon^(mu nu rho sigma) p1_rho p2_sigma, ``SSS`` 1. `particles` stand in
    that order, outgoing, antifermion (or psi-bar) first. An `is_imaginary` vertex has i c in place
    of c: the off-diagonal vector current of two Majorana fermions.
    """

    name: str
    particles: tuple[str, ...]
    lorentz: str
    coupling: Expression
    is_imaginary: bool = False
    is_standard_model: bool = False


@dataclass(frozen=True, slots=True)
class Derived:
    """A quantity that follows from the parameters.

    Either `formula` (``name@version``) with `arguments`, or `expression`. `known` is the condition
    under which its value means something; elsewhere it is undefined. It enters no id: what others
    are made from is the value without it.
    """

    name: str
    unit: str
    description: str
    source: str
    formula: str | None
    arguments: Mapping[str, Expression]
    expression: Expression | None
    known: Expression | None = None

    @property
    def version(self) -> str | None:
        """The formula and where it holds: what a value in the books was computed with."""
        if self.formula is None or self.known is None:
            return self.formula
        return f"{self.formula} where {self.known.canonical}"


@dataclass(frozen=True, slots=True)
class ModelConstant:
    """A number of the model that is not scanned; ``set:`` in a grid changes it.

    It is in the ids of the processes whose events it shapes. Bounds are those of a `Parameter`;
    they enter no id. `default` is the value in the model's file where `value` is another.
    """

    name: str
    value: float
    description: str
    minimum: float | None = None
    above: float | None = None
    maximum: float | None = None
    below: float | None = None
    default: float | None = None

    @property
    def own(self) -> float:
        """The value in the model's file."""
        return self.value if self.default is None else self.default


@dataclass(frozen=True, slots=True)
class Warn:
    """A sentence for the user wherever `when` holds."""

    when: Expression
    text: str


@dataclass(frozen=True, slots=True)
class WidthModel:
    """Which approximation a width uses where: labels from a named function of one argument."""

    quantity: str
    labels: str
    argument: Expression


@dataclass(frozen=True, slots=True)
class Channel:
    """One set of decays of a process: chains that add up, and the branching fractions in them."""

    name: str
    chains: tuple[Chain, ...]
    fraction: Expression | None


@dataclass(frozen=True, slots=True)
class Process:
    """One production and decay chain with the generator that makes it.

    `name` has the channel behind a slash where one was picked (``bu_k_hp/mumu``). `channels` are
    those that the process makes: a single one unless the plain name of a process with channels was
    asked for. `production` names the derived quantity that is produced before any decay (a cross
    section in fb, or a branching fraction of the parent). `signal_fraction` names the fraction that
    a limit needs on top, where the particle leaves undecayed. `cuts` are generator cuts, by name.
    """

    name: str
    title: str
    generator: str
    channels: tuple[Channel, ...]
    interactions: tuple[str, ...]
    roles: Mapping[str, Role]
    requires: tuple[str, ...]
    constraints: tuple[Expression, ...]
    production: str
    signal_fraction: Expression | None
    cuts: Mapping[str, Expression]
    taus: Mapping[str, str | bool] | None
    width_limit: float
    channel_names: tuple[str, ...] = ()

    @property
    def plain_name(self) -> str:
        """The name without a channel."""
        return self.name.partition("/")[0]

    def chains(self) -> Iterator[Chain]:
        """Yield the chains of all channels."""
        for channel in self.channels:
            yield from channel.chains

    def particle_names(self) -> frozenset[str]:
        """Return the names of the particles in all chains."""
        names: frozenset[str] = frozenset()
        for chain in self.chains():
            names |= chain.names()
        return names


@dataclass(frozen=True, slots=True)
class SignalModel:
    """One entry of the registry.

    `particles` is keyed by every name, antiparticles included, and holds the Standard Model
    particles as well; so does `interactions`. `path` says where the entry was read from.
    """

    name: str
    title: str
    description: str
    references: tuple[str, ...]
    path: str
    parameters: Mapping[str, Parameter]
    together: tuple[tuple[str, ...], ...]
    constants: Mapping[str, ModelConstant]
    particles: Mapping[str, Particle]
    interactions: Mapping[str, Interaction]
    derived: Mapping[str, Derived]
    width_models: tuple[WidthModel, ...]
    constraints: tuple[Expression, ...]
    warnings: tuple[Warn, ...]
    processes: Mapping[str, Process]
    default_process: str
