"""Generators by one call."""

from pathlib import Path

import _rules

_PARENTS = {"Upsilon(3S)", "Upsilon(4S)", "Upsilon(5S)", "Upsilon(6S)"}

if _rules.OLD:

    def add_evtgen_generator(path, finalstate=""):
        """Add EvtGen; this release knows no decay files of the user."""
        if finalstate not in {"charged", "mixed"}:
            _rules.fatal(f"add_evtgen_generator final state not supported: {finalstate}")
        path.append(("EvtGenInput", {"userDECFile": finalstate}))

else:

    def add_evtgen_generator(
        path, finalstate="", signaldecfile=None, coherentMixing=True,
        parentParticle="Upsilon(4S)",
    ):  # fmt: skip
        """Add EvtGen."""
        if finalstate not in {"charged", "mixed", "signal"}:
            _rules.fatal(f"add_evtgen_generator final state not supported: {finalstate}")
        if parentParticle not in _PARENTS:
            _rules.fatal(f"add_evtgen_generator: no parent {parentParticle}")
        if finalstate == "signal":
            check_decay_file(signaldecfile)
        path.append(
            ("EvtGenInput", {"userDECFile": signaldecfile, "ParentParticle": parentParticle,
                             "CoherentMixing": coherentMixing})
        )  # fmt: skip


def check_decay_file(name):
    """Refuse a decay file that is not there, or does not end."""
    if name is None or not Path(name).is_file() or name.startswith("/"):
        _rules.fatal(f"there is no decay file {name}")
    lines = [line.partition("#")[0].strip() for line in Path(name).read_text().splitlines()]
    words = [line for line in lines if line]
    if words[-1] != "End":
        _rules.fatal(f"{name} has no End")
    starts = sum(line.startswith("Decay ") for line in words)
    if starts != words.count("Enddecay"):
        _rules.fatal(f"{name}: an Enddecay is missing")
