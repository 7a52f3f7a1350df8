"""Brings the tables of a catalog up to date, step by step.

The steps lie in ``versions/``, one file each; alembic runs them. It is slow to import, so that it
is imported only where a catalog is created or upgraded.
"""

from pathlib import Path

from sqlalchemy import Connection

REVISIONS = ("0001", "0002", "0003", "0004", "0005", "0006", "0007")
"""All steps, oldest first; the last is what this version of mcbook works with."""

VERSION_TABLE = "mcbook_version"


def upgrade(connection: Connection) -> None:
    """Bring the catalog behind *connection* to the newest schema, within its transaction."""
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    command.upgrade(config, REVISIONS[-1])


def schema_sql(connection: Connection) -> str:
    """Return the schema of a SQLite catalog that was not accelerated, sorted by name."""
    statements = connection.exec_driver_sql(
        "SELECT type, sql FROM sqlite_master WHERE sql IS NOT NULL ORDER BY type DESC, name"
    )
    return "\n".join(f"{_tidy(sql)};\n" for _, sql in statements)


def _tidy(statement: str) -> str:
    return "\n".join(line.rstrip().replace("\t", "    ") for line in statement.splitlines())
