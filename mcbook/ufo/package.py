"""Reads particles, vertices and formulas of UFO packages, without running them.

Packages are Python, but what FeynRules writes there are calls with literals, names and formulas as
text. These are read as such; a package that computes something else is refused.
"""

import ast
import cmath
import operator
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from mcbook.errors import InputError
from mcbook.ufo.foreign import ForeignUfo

_OPERATORS: Mapping[type[ast.operator], Callable[[complex, complex], complex]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.Pow: operator.pow,
}
_FUNCTIONS: Mapping[str, Callable[..., complex]] = {
    "complex": complex,
    "complexconjugate": lambda z: complex(z).conjugate(),
    "re": lambda z: complex(z).real,
    "im": lambda z: complex(z).imag,
    "abs": abs,
    "sec": lambda z: 1 / cmath.cos(z),
    "csc": lambda z: 1 / cmath.sin(z),
    **{
        name: getattr(cmath, name)
        for name in ("sqrt", "exp", "log", "sin", "cos", "tan", "asin", "acos", "atan")
    },
}
ZERO = "ZERO"


@dataclass(frozen=True, slots=True)
class PackageParticle:
    """A particle: names, PDG id, 2s+1, dimension of its colour, names of mass and width."""

    name: str
    anti: str
    pdg_id: int
    spin: int
    colour: int
    mass: str
    width: str
    is_goldstone: bool


@dataclass(frozen=True, slots=True)
class PackageVertex:
    """A vertex: particles by name, and for each term a Lorentz structure and a formula."""

    name: str
    particles: tuple[str, ...]
    terms: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Package:
    """What a package says of physics; `internals` are formulas in the order of their use."""

    path: str
    internals: Mapping[str, str]
    particles: Mapping[str, PackageParticle]
    vertices: tuple[PackageVertex, ...]


def read_package(ufo: ForeignUfo) -> Package:
    """Read the physics of a package.

    Raises
    ------
    InputError
        If a file says something in another way than by literals; with file and line.
    """
    reader = _Reader(ufo)
    lorentz = {name: str(said["structure"]) for name, said in reader.calls("lorentz", "Lorentz")}
    couplings = {name: str(said["value"]) for name, said in reader.calls("couplings", "Coupling")}
    internals = {
        str(said["name"]): str(said["value"])
        for _, said in reader.calls("parameters", "Parameter")
        if said.get("nature") == "internal"
    }
    named = dict(reader.particles())
    vertices = tuple(reader.vertices(named, lorentz, couplings))
    particles = {n: p for p, _ in named.values() for n in (p.name, p.anti)}
    return Package(ufo.path, internals, particles, vertices)


class _Reader:
    """Looks into the files of one package."""

    def __init__(self, ufo: ForeignUfo) -> None:
        self.ufo = ufo

    def assignments(self, module: str) -> Iterator[tuple[str, ast.expr, int]]:
        """Yield name, value and line of each assignment in a file."""
        tree = ast.parse(self.ufo.files[f"{module}.py"])
        for node in tree.body:
            if isinstance(node, ast.Assign) and len(node.targets) == 1:
                target = node.targets[0]
                if isinstance(target, ast.Name):
                    yield target.id, node.value, node.lineno

    def calls(self, module: str, function: str) -> Iterator[tuple[str, dict[str, Any]]]:
        """Yield the name that gets what a call makes, and its keywords."""
        for name, value, line in self.assignments(module):
            if isinstance(value, ast.Call) and _called(value) == function:
                try:
                    yield name, {k.arg: _said(k.value) for k in value.keywords if k.arg}
                except (ValueError, TypeError):
                    raise self.strange(module, line, function) from None

    def particles(self) -> Iterator[tuple[str, tuple[PackageParticle, str]]]:
        """Yield each particle and antiparticle by the name of its variable."""
        known: dict[str, PackageParticle] = {}
        for variable, value, line in self.assignments("particles"):
            if not isinstance(value, ast.Call):
                continue
            if _called(value) == "Particle":
                try:
                    said = {k.arg: _said(k.value) for k in value.keywords if k.arg}
                    known[variable] = _particle(said)
                except (ValueError, KeyError, TypeError):
                    raise self.strange("particles", line, "Particle") from None
                yield variable, (known[variable], known[variable].name)
            elif isinstance(value.func, ast.Attribute) and value.func.attr == "anti":
                owner = value.func.value
                if isinstance(owner, ast.Name) and owner.id in known:
                    yield variable, (known[owner.id], known[owner.id].anti)

    def vertices(
        self,
        named: Mapping[str, tuple[PackageParticle, str]],
        lorentz: Mapping[str, str],
        couplings: Mapping[str, str],
    ) -> Iterator[PackageVertex]:
        """Yield the vertices."""
        for _, value, line in self.assignments("vertices"):
            if not isinstance(value, ast.Call) or _called(value) != "Vertex":
                continue
            said = {k.arg: k.value for k in value.keywords if k.arg}
            try:
                legs = tuple(named[name][1] for name in _attributes(said["particles"]))
                forms = [lorentz[name] for name in _attributes(said["lorentz"])]
                table = said["couplings"]
                if not isinstance(table, ast.Dict):
                    raise self.strange("vertices", line, "Vertex")
                terms = []
                for place, entry in zip(table.keys, table.values, strict=True):
                    _, form = ast.literal_eval(place) if place is not None else (0, 0)
                    listed = entry.elts if isinstance(entry, ast.List) else [entry]
                    for one in listed:
                        (name,) = _attributes(ast.List([one]))
                        terms.append((forms[form], couplings[name]))
                yield PackageVertex(str(_said(said["name"])), legs, tuple(terms))
            except (KeyError, ValueError, TypeError, IndexError):
                raise self.strange("vertices", line, "Vertex") from None

    def strange(self, module: str, line: int, function: str) -> InputError:
        """Return what is said of something that is not understood."""
        return InputError(
            f"{self.ufo.path}/{module}.py:{line}: this {function} is not understood",
            hint="literals and names are read; a package that computes them works with MadGraph",
        )


def _called(node: ast.Call) -> str:
    return node.func.id if isinstance(node.func, ast.Name) else ""


def _said(node: ast.expr) -> Any:
    """Return a literal, the last word of a dotted name, or else the text that stands there."""
    if isinstance(node, ast.Attribute):
        return node.attr
    try:
        return ast.literal_eval(node)
    except ValueError:
        return ast.unparse(node)


def _attributes(node: ast.expr) -> list[str]:
    """Return the last words of a list of dotted names."""
    if not isinstance(node, ast.List):
        raise TypeError
    return [str(_said(entry)) for entry in node.elts]


def _particle(said: Mapping[str, Any]) -> PackageParticle:
    is_goldstone = bool(said.get("goldstone") or said.get("GoldstoneBoson"))
    return PackageParticle(
        str(said["name"]), str(said["antiname"]), int(said["pdg_code"]), int(said["spin"]),
        int(said["color"]), str(said["mass"]), str(said["width"]), is_goldstone,
    )  # fmt: skip


def names_in(formula: str) -> set[str]:
    """Return the names of parameters in a formula.

    Raises
    ------
    InputError
        If it cannot be read.
    """
    tree = _parsed(formula)
    functions = {node.func.id for node in ast.walk(tree) if isinstance(node, ast.Call)
                 and isinstance(node.func, ast.Name)}  # fmt: skip
    names = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    return names - functions - {"cmath"}


def evaluated(formula: str, values: Mapping[str, complex]) -> complex:
    """Return the value of a formula.

    Parameters
    ----------
    formula
        In the form of UFO: numbers, names, operators, ``cmath`` functions, ``complex``.
    values
        By name.

    Raises
    ------
    InputError
        If something else is in it, or it has no value.
    """
    try:
        return complex(_value(_parsed(formula), values))
    except (ArithmeticError, ValueError, TypeError, KeyError) as error:
        said = f"{error.args[0]} is not known" if isinstance(error, KeyError) else str(error)
        raise InputError(f"the formula {formula!r} of a UFO package has no value: {said}") from None


def _parsed(formula: str) -> ast.expr:
    try:
        return ast.parse(formula.strip(), mode="eval").body
    except (SyntaxError, ValueError):
        raise InputError(f"the formula {formula!r} of a UFO package cannot be read") from None


def _value(node: ast.expr, values: Mapping[str, complex]) -> Any:
    match node:
        case ast.Constant(value=int() | float() | complex() as number):
            return number
        case ast.Name():
            return values[node.id]
        case ast.Attribute(value=ast.Name(id="cmath"), attr="pi"):
            return cmath.pi
        case ast.UnaryOp(op=ast.USub() | ast.UAdd()):
            sign = -1 if isinstance(node.op, ast.USub) else 1
            return sign * _value(node.operand, values)
        case ast.BinOp() if type(node.op) in _OPERATORS:
            both = _value(node.left, values), _value(node.right, values)
            return _OPERATORS[type(node.op)](*both)
        case ast.Call(keywords=[]) if (name := _function(node.func)) in _FUNCTIONS:
            return _FUNCTIONS[name](*(_value(entry, values) for entry in node.args))
    raise ValueError(f"{ast.unparse(node)!r} is not understood")


def _function(node: ast.expr) -> str:
    """Return the name of a function, with or without ``cmath.``."""
    match node:
        case ast.Name():
            return node.id
        case ast.Attribute(value=ast.Name(id="cmath")):
            return node.attr
    return ""
