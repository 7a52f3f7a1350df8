"""A process as MadGraph's standalone Fortran: written, compiled and evaluated at given momenta."""

import math
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

DIGITS = 14
"""Significant digits of numbers in the parameter card: its reader takes 20 characters."""

DRIVER = """      PROGRAM EVALUATE
      IMPLICIT NONE
      INCLUDE 'nexternal.inc'
      INCLUDE 'coupl.inc'
      INTEGER I, J, K, N
      DOUBLE PRECISION P(0:3,NEXTERNAL), ANS
      CALL SETPARA('param_card.dat')
{couplings}
      OPEN(10, FILE='momenta.dat')
      READ(10,*) N
      DO I = 1, N
        READ(10,*) ((P(K,J), K=0,3), J=1,NEXTERNAL)
        CALL M0_SMATRIX(P, ANS)
        WRITE(*,'(A,1X,ES25.17E3)') 'VALUE', ANS
      ENDDO
      END
"""
PRINT = "      WRITE(*,'(A,2(1X,ES25.17E3))') '{0}', DBLE({0}), DIMAG({0})"


class Standalone:
    """A process as MadGraph's standalone Fortran, in a folder of its own."""

    def __init__(self, folder: Path, mg5: str) -> None:
        self.folder, self.mg5 = folder, mg5

    def make(self, ufo: Mapping[str, bytes], line: str) -> None:
        """Let MadGraph write the process unless it is there."""
        if (self.folder / "fortran/SubProcesses/all_matrix.f").is_file():
            return
        (self.folder / "ufo").mkdir(parents=True, exist_ok=True)
        for name, text in ufo.items():
            (self.folder / "ufo" / name).write_bytes(text)
        commands = (
            "set automatic_html_opening False", "set run_mode 0", "set nb_core 1",
            "import model ./ufo", f"generate {line}",
            "output standalone fortran -nojpeg --prefix=int",
        )  # fmt: skip
        (self.folder / "output.mg5").write_text("\n".join(commands) + "\n")
        with (self.folder / "log").open("wb") as log:
            subprocess.run([self.mg5, "output.mg5"], cwd=self.folder, stdout=log, check=False)

    def subprocess(self) -> Path:
        """Return the folder of the one matrix element."""
        found = list((self.folder / "fortran/SubProcesses").glob("P*"))
        if len(found) != 1:
            sys.exit(f"{self.folder}/log: {len(found)} matrix elements where one is wanted")
        return found[0]

    def legs(self) -> list[int]:
        """Return the PDG codes of the legs in the order of the momenta."""
        text = self.text(self.folder / "fortran/SubProcesses/all_matrix.f")
        return [int(code) for code in re.findall(r"DATA PDGS/([-\d,\s]*)/", text)[0].split(",")]

    def denominator(self) -> int:
        """Return what MadGraph divides the sum over helicities by."""
        text = self.text(self.subprocess() / "matrix.f")
        return int(re.findall(r"DATA IDEN/\s*(\d+)\s*/", text)[0])

    def diagrams(self) -> int:
        """Return the number of amplitudes that are added."""
        text = self.text(self.subprocess() / "matrix.f")
        return int(re.findall(r"PARAMETER \(NGRAPHS=(\d+)\)", text)[0])

    @staticmethod
    def text(path: Path) -> str:
        """Return Fortran with its continuation lines joined."""
        return re.sub(r"\n     \$ ?", "", path.read_text())

    def set_card(self, numbers: Mapping[tuple[str, int], float]) -> None:
        """Write numbers into the parameter card by block and code, with all digits it takes."""
        path = self.folder / "fortran/Cards/param_card.dat"
        block, lines, done = "", [], set()
        for line in path.read_text().splitlines():
            if line.lower().startswith("block"):
                block = line.split()[1].lower()
            found = re.match(r"(\s*(DECAY\s+)?(\d+)\s+)\S+(.*)", line)
            key = ("decay" if found and found[2] else block, int(found[3]) if found else 0)
            if found and key in numbers:
                done.add(key)
                line = f"{found[1]}{numbers[key]:.{DIGITS - 1}e}{found[4]}"  # noqa: PLW2901
            lines.append(line)
        if done != set(numbers):
            sys.exit(f"{path} lacks {sorted(set(numbers) - done)}")
        path.write_text("\n".join(lines) + "\n")

    def run(self, points: list[list[list[float]]]) -> tuple[list[float], dict[str, complex]]:
        """Return the values at the points, and the couplings as the program has them."""
        folder = self.subprocess()
        (named,) = re.findall(r"DOUBLE COMPLEX (GC_[\w, ]*)", self.text(folder / "coupl.inc"))
        couplings = "\n".join(PRINT.format(name.strip()) for name in named.split(","))
        (folder / "check_sa.f").write_text(DRIVER.format(couplings=couplings))
        rows = [" ".join(f"{x:.17e}" for leg in point for x in leg) for point in points]
        (folder / "momenta.dat").write_text("\n".join([str(len(rows)), *rows]) + "\n")
        with (self.folder / "log").open("ab") as log:
            subprocess.run(["make", "check"], cwd=folder, stdout=log, stderr=log, check=True)
        done = subprocess.run(["./check"], cwd=folder, capture_output=True, text=True, check=True)
        words = [line.split() for line in done.stdout.splitlines()]
        values = [float(row[1]) for row in words if row and row[0] == "VALUE"]
        found = {row[0]: complex(*map(float, row[1:])) for row in words
                 if row and row[0].startswith("GC_")}  # fmt: skip
        if len(values) != len(points) or not all(0 < value < math.inf for value in values):
            sys.exit(f"{folder}: {done.stdout}")
        return values, found

    def quadruple(self, work: Path) -> "Standalone":
        """Return a copy of the program that computes in quadruple precision."""
        other = Standalone(work / f"{self.folder.name}-quadruple", self.mg5)
        shutil.rmtree(other.folder, ignore_errors=True)
        shutil.copytree(self.folder, other.folder, symlinks=True)
        source = other.folder / "fortran/Source"
        options = source / "make_opts"
        options.write_text(f"FFLAGS = -w -fPIC -freal-8-real-16\n{options.read_text()}")
        for path in (*other.folder.rglob("*.o"), *other.folder.rglob("*.a")):
            path.unlink()
        with (other.folder / "log").open("ab") as log:
            libraries = ("../lib/libdhelas.a", "../lib/libmodel.a")
            subprocess.run(["make", *libraries], cwd=source, stdout=log, stderr=log, check=True)
        (other.subprocess() / "check").unlink(missing_ok=True)
        return other
