"""Belle II's event type, descriptor and nickname of a decay file, derived from its decays.

The event type has ten digits ``g s d c l t n k e u``: general, selection, kind of decay, charm,
leptons, charged tracks, neutrals (photons, pi0, eta), long-lived neutrals, extra, user. The
last two are handed out by people, so that they are zero here unless the user gives the code.
"""

import re
from collections.abc import Sequence
from itertools import zip_longest

from mcbook.errors import InputError
from mcbook.registry.chain import Node
from mcbook.registry.model import Process, SignalModel

_CODE = re.compile(r"[0-9]{8}[0-9a-z]{2}")
_LEPTONS = {13: 1, 11: 2, 15: 3}
_PAIRS = {1: 4, 2: 5, 3: 6}
_INCLUSIVE_PAIR, _MIXED_FLAVOUR = 8, 9
_NEUTRINOS = frozenset({12, 14, 16})
_SELECTION = {"B0": 1, "anti-B0": 1, "B+": 2, "B-": 2}
_PHOTON, _PI0, _ETA = 22, 111, 221
_LONG_LIVED = {310: 1, 130: 2, 3122: 4, 2112: 8}
_CHARM = re.compile(r"\d*4\d{1,3}")
_MOST = 9

Digits = tuple[int | None, ...]


def event_type(model: SignalModel, process: Process, given: str | None) -> str:
    """Return the event type: derived, or *given* if its derived digits are right.

    Parameters
    ----------
    model, process
        What is generated.
    given
        A code of ten characters, or None.

    Raises
    ------
    InputError
        If *given* is no code, or disagrees with the decay chain; if a charmed decay has no code.
    """
    digits = derived_digits(model, process)
    if given is None:
        if digits[3] is None:
            raise InputError(
                f"the event type of {model.name}/{process.name}: the charm digit is not derived",
                hint="give the whole code: generator: {event_type: '12........'}",
            )
        return "".join(str(digit or 0) for digit in digits) + "00"
    if not _CODE.fullmatch(given):
        raise InputError(
            f"event_type {given!r} is not an event type",
            hint="ten characters: eight digits and two that are digits or small letters",
        )
    wrong = [
        f"{name} is {have}, the chain says {want}"
        for name, have, want in zip("gsdcltnk", given[:8], digits, strict=True)
        if want is not None and int(have) != want
    ]
    if wrong:
        expected = "".join("." if digit is None else str(digit) for digit in digits)
        raise InputError(
            f"event_type {given!r} does not fit {process.name}: {'; '.join(wrong)}",
            hint=f"it begins with {expected}",
        )
    return given


def derived_digits(model: SignalModel, process: Process) -> Digits:
    """Return the first eight digits; None where the channels differ or no rule is known."""
    roots = [chain for channel in process.channels for chain in channel.chains]
    leaves = [[n.particle for n in chain.walk() if not n.daughters] for chain in roots]
    ids = [[abs(model.particles[name].pdg_id) for name in names] for names in leaves]
    several = len({tuple(sorted(names)) for names in leaves}) > 1
    neutrino = any(_NEUTRINOS & set(found) for found in ids)
    kind = (2 if several else 1) + (4 if neutrino else 0)
    every = {abs(model.particles[n.particle].pdg_id) for chain in roots for n in chain.walk()
             if model.particles[n.particle].is_standard_model}  # fmt: skip
    charm = None if any(_CHARM.fullmatch(str(code)) for code in every) else 0
    tracks = [sum(model.particles[name].charge != 0 for name in names) for names in leaves]
    return (
        1,
        _SELECTION[roots[0].initial[0]],
        kind,
        charm,
        _leptons(ids),
        _common([min(number, _MOST) for number in tracks]),
        _common([_neutrals(found) for found in ids]),
        _common([min(sum({_LONG_LIVED.get(code, 0) for code in found}), _MOST) for found in ids]),
    )


def descriptor(model: SignalModel, process: Process) -> str:
    """Return the decay in the notation of decay files: ``[B+ -> K+ (h_dark -> mu- mu+)]cc``."""
    roots = [channel.chains[0] for channel in process.channels]
    texts = [_decay(model, Node(chain.initial[0], chain.final)) for chain in roots]
    return f"[{' or '.join(texts)}]cc"


def nickname(model: SignalModel, process: Process) -> str:
    """Return a short name: ``Bu_Khp,mm`` for B+ -> K+ h', h' -> mu mu."""
    per_channel = [_levels(model, channel.chains[0].final) for channel in process.channels]
    parent = "Bd" if "0" in process.channels[0].chains[0].initial[0] else "Bu"
    merged = ["+".join(dict.fromkeys(texts)) for texts in zip_longest(*per_channel, fillvalue="")]
    return ",".join([f"{parent}_{merged[0]}", *merged[1:]])


def _levels(model: SignalModel, nodes: Sequence[Node]) -> list[str]:
    """Return the particles of each generation below the B as one word."""
    levels = []
    while nodes:
        word = "".join(_short(model, node.particle) for node in nodes)
        levels.append(word.replace("mumu", "mm"))
        nodes = [daughter for node in nodes for daughter in node.daughters]
    return levels


def _decay(model: SignalModel, node: Node) -> str:
    called = model.particles[node.particle].called(node.particle, "evtgen")
    daughters = [
        f"({_decay(model, d)})"
        if d.daughters
        else model.particles[d.particle].called(d.particle, "evtgen")
        for d in node.daughters
    ]
    return f"{called} -> {' '.join(daughters)}"


def _short(model: SignalModel, name: str) -> str:
    particle = model.particles[name]
    base = particle.name if not particle.is_standard_model else name
    return base.replace("anti-", "").replace("*", "st").rstrip("+-").replace("gamma", "g")


def _leptons(ids: Sequence[Sequence[int]]) -> int | None:
    found = []
    for codes in ids:
        leptons = [_LEPTONS[code] for code in codes if code in _LEPTONS]
        match leptons:
            case []:
                found.append(0)
            case [one]:
                found.append(one)
            case [one, two]:
                found.append(_PAIRS[one] if one == two else _MIXED_FLAVOUR)
            case _:
                found.append(_INCLUSIVE_PAIR)
    if len(set(found)) > 1 and all(code in _PAIRS.values() for code in found):
        return _INCLUSIVE_PAIR
    return _common(found)


def _neutrals(codes: Sequence[int]) -> int:
    pions = sum(code == _PI0 for code in codes)
    bits = (_PHOTON in codes) + 2 * (pions == 1) + 4 * (pions > 1) + 8 * (_ETA in codes)
    return min(bits, _MOST)


def _common(numbers: Sequence[int]) -> int | None:
    return numbers[0] if len(set(numbers)) == 1 else None
