"""What was looked up in one state of the books, kept for as long as they stay in that state."""

from typing import Any

from sqlalchemy import Connection

_KEY = "mcbook_memory"


def memory_of(connection: Connection) -> dict[str, Any]:
    """Return what is remembered of the books as *connection* sees them now; to be added to.

    It is empty where anything was committed since, by this program or another, and after any
    change of an index. A connection that writes remembers nothing, as what it sees may be taken
    back, nor does one to PostgreSQL, which has no cheap word for a state.
    """
    is_sqlite = connection.dialect.name == "sqlite"
    if not is_sqlite or connection.get_execution_options().get("mcbook_write"):
        return {}
    driver: Any = connection.connection.driver_connection
    # The first of these begins the reading, so that both are of the state that is read. It tells
    # of others, the last of this connection itself, and the second of the indexes of both.
    state = (
        driver.execute("PRAGMA data_version").fetchone(),
        driver.execute("PRAGMA schema_version").fetchone(),
        driver.total_changes,
    )
    kept_state, kept = connection.info.get(_KEY, (None, {}))
    if kept_state != state:
        kept = {}
        connection.info[_KEY] = (state, kept)
    found: dict[str, Any] = kept
    return found
