"""How decay files of EvtGen get into the detector simulation."""

from collections.abc import Mapping, Sequence
from typing import Any

from mcbook.errors import InputError
from mcbook.generators.detector import ForDetector, NewParticle, decaying
from mcbook.registry.model import Process, SignalModel


def for_detector(
    model: SignalModel,
    process: Process,
    settings: Mapping[str, Any],
    sample_id: str,
    rows: Sequence[Mapping[str, Any]],
) -> ForDetector:
    """Return what the simulation has to know of a sample.

    Parameters
    ----------
    model, process, settings
        What the sample is of.
    sample_id
        Its id.
    rows
        The new particles, as `mcbook.cards.evtgen.table` gives them.

    Raises
    ------
    InputError
        If its decay file is not for the EvtGen in basf2.
    """
    if settings["aliases"] != "belle2":
        raise InputError(
            "its decay file is for a stand-alone EvtGen", hint="generate it with aliases: belle2"
        )
    lives = settings["lifetime"] == "generator"
    return ForDetector(
        source="decays",
        particles=tuple(
            NewParticle(
                row["name"], row["pdg_id"], float(row["mass"]), float(row["width"]),
                row["charge"], row["spin"],
            )
            for row in rows
        ),
        decaying=decaying(model, process),
        lives=lives,
        card=f"{sample_id}/{sample_id}.dec",
        table=f"{sample_id}/{sample_id}.pdl" if lives else None,
    )  # fmt: skip
