"""How quantities are written on axes: symbols and units from the registry."""

import re
from collections.abc import Iterable

from mcbook.analysis.records import BR, SIGMA, SIGMA_BR, STRENGTH, WORDS
from mcbook.errors import InputError
from mcbook.registry.chain import Chain
from mcbook.registry.expressions import parse
from mcbook.registry.expressions.nodes import Printer, plain_number
from mcbook.registry.loader import find_process
from mcbook.registry.model import Particle, SignalModel

_POWER = re.compile(r"\^(-?\d+)")

FRACTION = r"\mathcal{B}"


class Symbols:
    """Symbols of the quantities of a signal model.

    Parameters
    ----------
    model
        The signal model; None for a table of counts or a workspace, whose parameters have names.
    processes
        Names of the processes whose production is limited.
    """

    def __init__(self, model: SignalModel | None, processes: Iterable[str] = ()) -> None:
        self.model = model
        self.processes = tuple(processes)

    def symbol(self, name: str) -> str:
        """Return the symbol of a quantity or an expression in LaTeX, without dollar signs."""
        if name in WORDS:
            return self._word(name)
        try:
            node = parse(name).node
        except InputError:  # a column of a table may be called anything
            return _upright(name)
        printer = Printer(plain_number, self._quantity, _call, lambda value: f"{{{value:g}}}")
        return printer.text(node).replace("**", "^").replace(" * ", r"\,")

    def title(self, name: str) -> str:
        """Return the title of an axis: symbol and unit."""
        unit = _POWER.sub(r"$^{\1}$", self.unit(name))
        return f"${self.symbol(name)}$" + (f" [{unit}]" if unit not in {"", "1"} else "")

    @staticmethod
    def number(value: float) -> str:
        """Return a number in LaTeX."""
        digits, _, exponent = f"{value:.3e}".partition("e")
        if int(exponent) in range(-2, 4):
            return f"{value:.4g}"
        digits, power = digits.rstrip("0").rstrip("."), rf"10^{{{int(exponent)}}}"
        return power if digits == "1" else rf"{digits}\times {power}"

    def unit(self, name: str) -> str:
        """Return the unit of a quantity, an empty text where it has none or is not known."""
        if name in {SIGMA, SIGMA_BR}:
            return "fb"
        if self.model is None:
            return ""
        if name in self.model.parameters:
            return self.model.parameters[name].unit
        return self.model.derived[name].unit if name in self.model.derived else ""

    def _quantity(self, name: str) -> str:
        if self.model is None:
            return _upright(name)
        if name in self.model.parameters:
            return self.model.parameters[name].latex
        for particle in self.model.particles.values():
            if name == particle.ctau:
                return rf"c\tau({particle.latex})"
            if name == particle.width:
                return rf"\Gamma({particle.latex})"
        return _upright(name)

    def _word(self, name: str) -> str:
        made = self._produced()
        return {
            STRENGTH: r"\mu",
            SIGMA: rf"\sigma{made}",
            SIGMA_BR: rf"\sigma{made}\times{FRACTION}",
            BR: rf"{FRACTION}{made}\times{FRACTION}",
        }[name]

    def _produced(self) -> str:
        """Return what is produced, in brackets; nothing where channels differ in it."""
        if self.model is None:
            return ""
        found = {
            self._reaction(chain)
            for name in self.processes
            for chain in find_process(self.model, name).chains()
        }
        return f"({found.pop()})" if len(found) == 1 else ""

    def _reaction(self, chain: Chain) -> str:
        final = [node.particle for node in chain.final]
        return rf"{self._particles(chain.initial)} \to {self._particles(final)}"

    def _particles(self, names: Iterable[str]) -> str:
        known = {} if self.model is None else self.model.particles
        found: list[str] = []
        before = None
        for name in names:
            particle = known.get(name)
            if particle is None:
                found.append(_upright(name))
            elif particle is before and particle.charge_of(name) > 0:  # papers write l+ l-
                found.insert(-1, self._particle(particle, name))
            else:
                found.append(self._particle(particle, name))
            before = particle
        return " ".join(found)

    @staticmethod
    def _particle(particle: Particle, name: str) -> str:
        return particle.latex if name == particle.name else particle.anti_latex


def _upright(name: str) -> str:
    escaped = name.replace("_", r"\_")
    return rf"\mathrm{{{escaped}}}"


def _call(function: str, arguments: list[str]) -> str:
    if function == "sqrt":
        return rf"\sqrt{{{arguments[0]}}}"
    return rf"\mathrm{{{function}}}({', '.join(arguments)})"
