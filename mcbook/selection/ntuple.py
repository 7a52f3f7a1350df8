"""The door to ROOT files with ntuples: flat trees, read in chunks and written whole."""

import math
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mcbook.errors import InputError, WorkError, did_you_mean
from mcbook.generators.rootfile import PERSISTENT, check_end
from mcbook.registry.yamlfile import refuse_special

Columns = dict[str, NDArray[Any]]

CHUNK_BYTES = 16_000_000
"""Memory that the branches of one chunk take, as doubles."""

WORDS = "mcbook"
"""Object of a file that says what it is of."""

_FEWEST_ROWS, _BASKET_ROWS = 1000, 50_000
_NUMERIC = "fiub"


@dataclass(frozen=True, slots=True)
class Ntuple:
    """An open tree.

    Attributes
    ----------
    path
        The file, as it was named.
    tree
        Name of the tree.
    rows
        Number of its rows.
    branches
        Names of its branches, in their order.
    """

    path: str
    tree: str
    rows: int
    branches: tuple[str, ...]
    _tree: Any = field(repr=False)

    def check(self, names: Iterable[str], others: Iterable[str] = ()) -> None:
        """Check that there are branches of these names, each with one number in a row.

        Parameters
        ----------
        names
            The branches.
        others
            Further names that could have been meant.

        Raises
        ------
        InputError
            If one is missing, or holds something else.
        """
        for name in sorted(names):
            if name not in self.branches:
                raise InputError(
                    f"{self.path}: the tree {self.tree} has no branch {name!r}",
                    hint=did_you_mean(name, {*self.branches, *others}),
                )
            if what := _wrong_kind(self._tree[name]):
                raise InputError(
                    f"{self.path}: the branch {name} {what}",
                    hint="one number or truth value in each row is wanted",
                )

    def chunks(
        self, names: Iterable[str], rows: int | None = None
    ) -> Iterator[tuple[int, Columns]]:
        """Yield the number of rows of each chunk, and its branches.

        Parameters
        ----------
        names
            The branches, which `check` let pass; others are not read.
        rows
            Rows of a chunk; by default as many as take `CHUNK_BYTES`.

        Raises
        ------
        InputError
            If the file is damaged.
        """
        wanted = sorted(names)
        step = rows or max(_FEWEST_ROWS, CHUNK_BYTES // (8 * max(1, len(wanted))))
        if not wanted:
            yield from ((min(step, self.rows - i), {}) for i in range(0, self.rows, step))
            return
        total = 0
        for chunk in self._read(wanted, step):
            size = len(chunk[wanted[0]])
            yield size, chunk
            total += size
        if total != self.rows:
            raise InputError(f"{self.path}: {total} of {self.rows} rows can be read")

    def _read(self, wanted: list[str], step: int) -> Iterator[Columns]:
        chosen = frozenset(wanted)
        found = self._tree.iterate(
            filter_branch=lambda branch: branch.name in chosen, step_size=step, library="np"
        )
        while True:
            try:
                chunk = next(found, None)
            except Exception as error:  # noqa: BLE001 - uproot has no base class of its errors
                raise _damaged(self.path, error) from None
            if chunk is None:
                return
            yield {name: chunk[name] for name in wanted}


@contextmanager
def open_ntuple(path: str | Path, tree: str | None = None) -> Iterator[Ntuple]:
    """Open a tree of a ROOT file.

    Parameters
    ----------
    path
        The file.
    tree
        Name of the tree, with the folders before it; may be left out where there is only one.

    Raises
    ------
    InputError
        If there is no such file, it is no whole ROOT file, or it has no such tree.
    """
    import uproot

    _check_file(Path(path))
    try:
        file = uproot.open(path, object_cache=None, array_cache=None)
    except Exception as error:  # noqa: BLE001 - uproot has no base class of its errors
        raise _damaged(path, error) from None
    with file:
        yield _opened(str(path), file, tree)


def _opened(path: str, file: Any, tree: str | None) -> Ntuple:
    try:
        kinds = {key.partition(";")[0]: kind for key, kind in file.classnames().items()}
    except Exception as error:  # noqa: BLE001 - as above
        raise _damaged(path, error) from None
    name = _chosen(path, kinds, tree)
    try:
        found = file[name]
        branches = tuple(branch.name for branch in found.branches)
        return Ntuple(path, name, int(found.num_entries), branches, found)
    except Exception as error:  # noqa: BLE001 - as above
        raise _damaged(path, error) from None


def _check_file(path: Path) -> None:
    try:
        refuse_special(path)
        if path.is_dir():
            raise InputError(f"{path}: a folder, not a file")
        check_end(path)
    except WorkError as error:
        raise InputError(error.message, hint="make or copy it again") from None
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror or error}") from None


def _chosen(path: str, kinds: Mapping[str, str], tree: str | None) -> str:
    """Return the name of the tree that is meant."""
    trees = [name for name, kind in kinds.items() if kind in {"TTree", "TNtuple", "TNtupleD"}]
    if tree is not None:
        if tree not in trees:
            what = f"is a {kinds[tree]} and no tree" if tree in kinds else "is not there"
            raise InputError(f"{path}: the tree {tree} {what}", hint=did_you_mean(tree, trees))
        return tree
    plain = [name for name in trees if name != PERSISTENT]
    if len(plain) != 1:
        said = f"there are the trees {', '.join(plain)}" if plain else "there is no tree"
        hint = "name one, as tree:" if plain else None
        if not plain and (others := [n for n, kind in kinds.items() if "RNTuple" in kind]):
            said = f"{others[0]} is an RNTuple and no tree"
            hint = "write it as a TTree: in uproot by mktree and extend"
        raise InputError(f"{path}: {said}", hint=hint)
    return plain[0]


def _wrong_kind(branch: Any) -> str | None:
    """Return what a branch holds instead of a number; None where it holds numbers."""
    try:
        interpretation = branch.interpretation
    except Exception:  # noqa: BLE001 - uproot has no base class of its errors
        return "cannot be read"
    kind = type(interpretation).__name__
    if kind == "AsDtype":
        dtype = interpretation.to_dtype
        if dtype.shape:
            return f"holds {math.prod(dtype.shape)} numbers in each row"
        return None if dtype.kind in _NUMERIC else f"holds {dtype}"
    if kind == "AsJagged":
        return "is jagged: its rows hold lists"
    return "holds text" if kind == "AsStrings" else "holds no numbers"


def _damaged(path: str | Path, error: Exception) -> InputError:
    said = (str(error).strip().splitlines() or [""])[0]
    kind = type(error).__name__
    return InputError(
        f"{path}: truncated or damaged: {kind} {said}".rstrip(), hint="make or copy it again"
    )


def write_ntuple(
    path: str | Path, tree: str, columns: Mapping[str, NDArray[Any]], words: str = ""
) -> None:
    """Write a flat tree, aside first: a file is whole or not there.

    Parameters
    ----------
    path
        The file, which is replaced.
    tree
        Name of the tree.
    columns
        Branches of numbers or truth values, of shape (n,) each.
    words
        What the file says of itself, such as the key of its job: `mcbook ingest` finds it there.

    Raises
    ------
    WorkError
        If the columns are not of one length, or the file cannot be written.
    """
    import uproot

    arrays = {name: np.ascontiguousarray(column) for name, column in columns.items()}
    lengths = {len(array) if array.ndim == 1 else -1 for array in arrays.values()}
    if len(lengths) != 1 or -1 in lengths:
        raise WorkError(f"{path}: the branches are not of one length")
    (rows,) = lengths
    if not Path(path).parent.is_dir():  # uproot would make one
        raise WorkError(f"{path}: cannot be written: there is no such folder")
    aside = Path(path).with_name(f".{Path(path).name}.{os.getpid()}")
    try:
        with uproot.recreate(aside) as file:
            made = file.mktree(tree, {name: array.dtype for name, array in arrays.items()})
            for start in range(0, rows, _BASKET_ROWS):
                stop = start + _BASKET_ROWS
                made.extend({name: array[start:stop] for name, array in arrays.items()})
            if words:
                file[WORDS] = words
        aside.replace(path)
    except OSError as error:
        raise WorkError(f"{path}: cannot be written: {error.strerror or error}") from None
    finally:
        aside.unlink(missing_ok=True)
