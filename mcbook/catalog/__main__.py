"""``python -m mcbook.catalog`` prints the schema of the books as SQL, as the migrations make it."""

import sys
from tempfile import TemporaryDirectory

from mcbook.catalog.migrations import schema_sql
from mcbook.catalog.store import open_catalog

if __name__ == "__main__":
    with (
        TemporaryDirectory() as folder,
        open_catalog(f"{folder}/mcbook.db", mode="write") as catalog,
        catalog.reading() as books,
    ):
        sys.stdout.write(schema_sql(books.connection))
