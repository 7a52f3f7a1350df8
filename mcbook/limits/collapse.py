"""Several bins as one: their total count, with every nuisance parameter that there was."""

from collections.abc import Iterator

import numpy as np

from mcbook.limits.datasets import sideband_bin
from mcbook.limits.likelihoods import DATA, Likelihoods, Modifier


def collapsed(batch: Likelihoods) -> Likelihoods:
    """Return likelihoods with one bin, the sum of all.

    Each sample becomes one for each bin that it is in. A nuisance parameter that several bins share
    stays one; a gamma for each bin stays one for each.

    Parameters
    ----------
    batch
        Likelihoods with any number of bins.
    """
    sidebands = {
        m.sample: int(np.argmax(sideband_bin(batch, m)))
        for m in batch.modifiers
        if m.kind == "sideband"
    }
    present: list[list[bool]] = np.any(batch.yields > 0, axis=0).tolist()
    shifted = {m.sample for m in batch.modifiers if m.kind == "histosys"}
    cells = [
        (sample, bin_)
        for sample in range(len(batch.is_signal))
        for bin_ in range(batch.n_bins)
        if present[sample][bin_] or sidebands.get(sample) == bin_ or sample in shifted
    ]
    observed = None if batch.observed is None else batch.observed.sum(axis=1, keepdims=True)
    return Likelihoods(
        np.stack([batch.yields[:, sample, bin_] for sample, bin_ in cells], axis=1)[:, :, None],
        np.array([batch.is_signal[sample] for sample, _ in cells]),
        tuple(_modifiers(batch, cells)),
        observed,
    )


def _modifiers(batch: Likelihoods, cells: list[tuple[int, int]]) -> Iterator[Modifier]:
    for modifier in batch.modifiers:
        for place, (sample, bin_) in enumerate(cells):
            if sample != modifier.sample:
                continue
            data = {
                name: modifier.data[name] if axes == 1 else modifier.data[name][:, [bin_]]
                for name, axes in DATA[modifier.kind]
            }
            own = modifier.kind in {"shapesys", "staterror"}
            name = f"{modifier.name}[{bin_}]" if own else modifier.name
            yield Modifier(modifier.kind, name, place, data)
