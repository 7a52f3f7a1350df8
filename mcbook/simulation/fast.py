"""Simulations without basf2: a fast simulation with settings of the user, in the same books.

It stands there as one with a release of its own and the settings in place of global tags; a part
is one job.
"""

from collections.abc import Sequence

from mcbook.simulation.conditions import NO_BACKGROUND, PROMPT_BELOW_MM, Conditions
from mcbook.simulation.displacement import Wanted
from mcbook.simulation.record import Simulation
from mcbook.simulation.release import Release

SMEARING = "smearing"
"""How its releases are called, with the version of the code behind it."""


def fast_simulation(sample_id: str, name: str, settings: Sequence[str], version: int) -> Simulation:
    """Return a sample under a fast simulation.

    Parameters
    ----------
    sample_id
        The sample.
    name
        What the user calls the settings; it stands where others have a campaign.
    settings
        Texts ``key=value``.
    version
        Of the code.
    """
    conditions = Conditions(
        release=Release(f"{SMEARING}-{version}", 0),
        campaign=name,
        global_tags=tuple(settings),
        experiment=0,
        runs=(0, 0),
        background=NO_BACKGROUND,
        displacement=Wanted({}, PROMPT_BELOW_MM),
        events_per_job=1,
        seconds_per_event=None,
    )
    return Simulation(sample_id, conditions, (), None, version)
