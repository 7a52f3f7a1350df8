"""Stub: functions that add generators."""

from pathlib import Path

import _rules
import basf2
from _session import MAJOR, fatal, warning

PARENTS = ("Upsilon(3S)", "Upsilon(4S)", "Upsilon(5S)", "Upsilon(6S)")

if MAJOR == 5:

    def add_evtgen_generator(path, finalstate=""):
        """Add EvtGen: pairs of B mesons that decay in all ways."""
        if finalstate not in ("charged", "mixed"):
            fatal(f"add_evtgen_generator: no finalstate {finalstate!r} in this release")
        basf2.add_helper(path, "add_evtgen_generator", finalstate=finalstate)

else:

    def add_evtgen_generator(
        path,
        finalstate="",
        signaldecfile=None,
        coherentMixing=True,
        parentParticle="Upsilon(4S)",
        eventType="",
    ):
        """Add EvtGen: pairs of B mesons that decay in all ways, or as a file says."""
        name = "add_evtgen_generator"
        if finalstate not in ("charged", "mixed", "signal"):
            fatal(f"{name}: no finalstate {finalstate!r}")
        if parentParticle not in PARENTS:
            fatal(f"{name}: no parentParticle {parentParticle!r}")
        if not (isinstance(coherentMixing, bool) and isinstance(eventType, str)):
            fatal(f"{name}: coherentMixing or eventType has a wrong type")
        if (finalstate == "signal") != (signaldecfile is not None):
            fatal(f"{name}: signaldecfile goes with finalstate 'signal', and only with it")
        incoherent = parentParticle != "Upsilon(4S)"
        if incoherent and finalstate != "signal":
            fatal(f"{name}: {parentParticle} needs finalstate 'signal'")
        if incoherent and coherentMixing:
            warning(f"{name}: coherent mixing is switched off for {parentParticle}")
        basf2.add_helper(
            path,
            name,
            finalstate=finalstate,
            signaldecfile=signaldecfile,
            coherentMixing=coherentMixing and not incoherent,
            parentParticle=parentParticle,
            eventType=eventType,
        )
        if signaldecfile is not None:
            _rules.check_decay_file(Path(signaldecfile))
