"""Alembic's entry: runs the steps on the connection that `upgrade` hands over."""

from alembic import context

from mcbook.catalog import accelerator
from mcbook.catalog.migrations import VERSION_TABLE


def migrate() -> None:
    """Run the steps that are missing; indexes outside the schema would stand in their way."""
    connection = context.config.attributes["connection"]
    accelerator.drop(connection)
    context.configure(
        connection=connection,
        version_table=VERSION_TABLE,
        render_as_batch=True,
    )
    with context.begin_transaction():
        context.run_migrations()


if __name__ == "env_py":  # the name under which alembic runs this file
    migrate()
