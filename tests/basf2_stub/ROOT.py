"""As little of ROOT as a steering script needs: the look-up of files through Belle2."""

import os

import basf2


class Belle2:
    """The namespace of basf2 classes."""

    class FileSystem:
        """Look-up of files."""

        @staticmethod
        def findFile(name, silent=False):  # noqa: N802
            """Return the path of a file, of the release's own particle table or of the folder."""
            if name == "data/framework/particledb/evt.pdl":
                return os.environ.get("BASF2_STUB_TABLE", "")
            return basf2.find_file(name, silent=silent)
