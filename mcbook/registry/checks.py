"""What must hold within a signal model: names, formulas, charges, spins, roles."""

import inspect
from collections.abc import Iterable

from mcbook.errors import InputError, did_you_mean
from mcbook.registry.chain import Chain
from mcbook.registry.expressions import Expression
from mcbook.registry.model import Process, SignalModel
from mcbook.registry.physics import FORMULAS, LABELS
from mcbook.registry.physics.constants import CONSTANTS
from mcbook.registry.physics.formula import Formula
from mcbook.registry.yamlfile import Document

SETTINGS = ("alpha", "sqrt_s")
"""Generator settings that formulas may use."""

COLUMNS = (
    "id", "model", "process", "generator", "parameters", "derived", "points", "n_events", "status",
    "directory", "created", "events_target", "factor", "cross_section_fb", "branching_fraction",
    "wide", "distance", "owner", "tag", "tags", "collection", "collections", "isr", "lifetime",
    *SETTINGS,
)  # fmt: skip
"""Names that stand for something else in a query, and that no quantity can have."""

SPINS = {
    "FFV": (0.5, 0.5, 1.0),
    "FFVL": (0.5, 0.5, 1.0),
    "FFS": (0.5, 0.5, 0.0),
    "FFP": (0.5, 0.5, 0.0),
    "VVS": (1.0, 1.0, 0.0),
    "VVSdual": (1.0, 1.0, 0.0),
    "SSS": (0.0, 0.0, 0.0),
}
"""Spins that each Lorentz structure joins."""

Keys = tuple[str | int, ...]


def find_formula(reference: str, where: str) -> Formula:
    """Return the shipped formula that ``name@version`` refers to.

    Raises
    ------
    InputError
        If there is no such formula, or not in that version.
    """
    name, _, version = reference.partition("@")
    if name not in FORMULAS:
        raise InputError(
            f"{where}: there is no formula {name!r}", hint=did_you_mean(name, FORMULAS)
        )
    formula = FORMULAS[name]
    if version != str(formula.version):
        raise InputError(
            f"{where}: the formula {name} comes in version {formula.version}, not {version!r}",
            hint=f"write {formula.reference}",
        )
    return formula


def check_model(model: SignalModel, document: Document) -> None:
    """Check everything that a reader of single keys cannot see.

    Raises
    ------
    InputError
        For the first thing that does not hold, with file and line.
    """
    _Checker(model, document).all()


class _Checker:
    def __init__(self, model: SignalModel, document: Document) -> None:
        self.model = model
        self.document = document
        self.given = {*model.parameters, *model.constants, *CONSTANTS, *SETTINGS}
        self.numbers = {*self.given, *model.derived}

    def fail(self, keys: Keys, what: str, hint: str | None = None) -> InputError:
        return InputError(f"{self.document.where(keys)}: {what}", hint=hint)

    def known(self, keys: Keys, what: str, names: Iterable[str], known: Iterable[str]) -> None:
        words = set(known)
        for name in names:
            if name not in words:
                raise self.fail(keys, f"there is no {what} {name!r}", did_you_mean(name, words))

    def numeric(self, keys: Keys, expression: Expression, *, boolean: bool = False) -> None:
        self.known(keys, "quantity", sorted(expression.names), self.numbers)
        if expression.is_boolean != boolean:
            raise self.fail(keys, "a condition is wanted" if boolean else "a number is wanted")

    def all(self) -> None:
        self.names()
        self.derived()
        self.particles()
        self.interactions()
        for name, process in self.model.processes.items():
            self.process(("processes", name), process)
        self.known(
            ("default_process",), "process", [self.model.default_process], self.model.processes
        )
        for i, constraint in enumerate(self.model.constraints):
            self.numeric(("constraints", i), constraint, boolean=True)
        for i, warning in enumerate(self.model.warnings):
            self.numeric(("warnings", i), warning.when, boolean=True)
        for i, group in enumerate(self.model.together):
            self.known(("together", i), "parameter", group, self.model.parameters)

    def names(self) -> None:
        """Check that a name means one thing."""
        taken = dict.fromkeys(CONSTANTS, "a constant of nature")
        taken |= dict.fromkeys(COLUMNS, "a column of the books")
        taken |= dict.fromkeys(SETTINGS, "a generator setting")
        groups = (
            ("parameters", self.model.parameters),
            ("constants", self.model.constants),
            ("derived", self.model.derived),
        )
        for section, entries in groups:
            for name in entries:
                if not name.isidentifier():
                    raise self.fail((section, name), f"{name!r} cannot be used as a name")
                if name in taken:
                    raise self.fail((section, name), f"{name!r} is already {taken[name]}")
                taken[name] = f"in {section}"

    def derived(self) -> None:
        for name, entry in self.model.derived.items():
            keys = ("derived", name)
            if entry.expression is not None:
                self.numeric((*keys, "expression"), entry.expression)
            if entry.known is not None:
                self.numeric((*keys, "known"), entry.known, boolean=True)
                self.known((*keys, "known"), "parameter", entry.known.names, self.given)
            for argument, expression in entry.arguments.items():
                self.numeric((*keys, "arguments", argument), expression)
            if entry.formula is not None:
                formula = find_formula(entry.formula, self.document.where(keys))
                wanted = inspect.signature(formula.function).parameters
                self.known(keys, f"argument of {formula.name}", entry.arguments, wanted)
                missing = [
                    argument
                    for argument, declared in wanted.items()
                    if declared.default is declared.empty and argument not in entry.arguments
                ]
                if missing:
                    raise self.fail(keys, f"{formula.name} also wants {', '.join(missing)}")
        for model in self.model.width_models:
            keys = ("width_models", model.quantity)
            self.known(keys, "derived quantity", [model.quantity], self.model.derived)
            self.known(keys, "labels", [model.labels], LABELS)
            self.numeric((*keys, "argument"), model.argument)

    def particles(self) -> None:
        ids: dict[int, str] = {}
        for name, particle in self.model.particles.items():
            is_shared = particle.is_standard_model and particle.width is None
            if is_shared or name != particle.name:
                continue
            keys = ("particles", name)
            self.numeric((*keys, "mass"), particle.mass)
            for key, value in (("width", particle.width), ("ctau", particle.ctau)):
                if value is not None:
                    self.known((*keys, key), "derived quantity", [value], self.model.derived)
            if particle.anti is None and particle.charge != 0:
                raise self.fail(keys, "a charged particle needs 'anti', its antiparticle")
            if particle.pdg_id in ids:
                raise self.fail(keys, f"the PDG id is also that of {ids[particle.pdg_id]}")
            ids[particle.pdg_id] = name

    def interactions(self) -> None:
        for name, entry in self.model.interactions.items():
            if entry.is_standard_model:
                continue
            keys = ("interactions", name)
            self.known(keys, "Lorentz structure", [entry.lorentz], SPINS)
            self.known(keys, "particle", entry.particles, self.model.particles)
            self.numeric((*keys, "coupling"), entry.coupling)
            found = [self.model.particles[particle] for particle in entry.particles]
            if tuple(particle.spin for particle in found) != SPINS[entry.lorentz]:
                raise self.fail(keys, f"{entry.lorentz} joins spins {SPINS[entry.lorentz]}")
            charge = sum(p.charge_of(n) for p, n in zip(found, entry.particles, strict=True))
            if charge != 0:
                raise self.fail(keys, f"the charges add up to {charge:+d}")

    def process(self, keys: Keys, process: Process) -> None:
        parameters = set(self.model.parameters)
        self.known((*keys, "roles"), "parameter", process.roles, parameters)
        silent = sorted(parameters - set(process.roles))
        if silent:
            raise self.fail((*keys, "roles"), f"the role of {', '.join(silent)} is not said")
        self.known((*keys, "requires"), "parameter", process.requires, parameters)
        self.known(
            (*keys, "interactions"), "interaction", process.interactions, self.model.interactions
        )
        self.taus(keys, process)
        self.known((*keys, "production"), "derived quantity", [process.production],
                   self.model.derived)  # fmt: skip
        for i, constraint in enumerate(process.constraints):
            self.numeric((*keys, "constraints", i), constraint, boolean=True)
        for cut, expression in process.cuts.items():
            self.numeric((*keys, "cuts", cut), expression)
        if process.signal_fraction is not None:
            self.numeric((*keys, "signal_fraction"), process.signal_fraction)
        for channel in process.channels:
            inner = (*keys, "channels", channel.name) if channel.name else keys
            if channel.fraction is not None:
                self.numeric((*inner, "fraction"), channel.fraction)
            for chain in channel.chains:
                self.chain((*inner, "chain"), chain)

    def taus(self, keys: Keys, process: Process) -> None:
        """Ask who decays taus that come out of a collision, where spin correlations may be lost."""
        from_beams = [chain for chain in process.chains() if len(chain.initial) > 1]
        if process.taus is None and any({"tau-", "tau+"} & chain.leaves() for chain in from_beams):
            raise self.fail(
                keys,
                "the process makes taus and does not say who decays them",
                "add taus: {decayer: evtgen, spin_correlations: false}",
            )

    def chain(self, keys: Keys, chain: Chain) -> None:
        self.known(keys, "particle", sorted(chain.names()), self.model.particles)
        self.balance(keys, chain.initial, [node.particle for node in chain.final])
        for node in chain.decays():
            self.balance(keys, (node.particle,), [child.particle for child in node.daughters])

    def balance(self, keys: Keys, before: Iterable[str], after: Iterable[str]) -> None:
        """Charge is conserved at every step of a chain."""
        particles = self.model.particles
        first, second = (
            sum(particles[name].charge_of(name) for name in names) for names in (before, after)
        )
        if first != second:
            raise self.fail(
                keys, f"{' '.join(before)} > {' '.join(after)} does not conserve charge"
            )
