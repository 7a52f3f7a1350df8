"""Simulations, their jobs, and the files behind them."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0006"
down_revision = "0005"

JSON = sa.JSON().with_variant(JSONB(), "postgresql")


def upgrade() -> None:
    """Create the tables."""
    op.create_table(
        "simulations",
        sa.Column("id", sa.String(), primary_key=True),
        sa.Column("digest", sa.String(), nullable=False, unique=True),
        sa.Column(
            "sample_id", sa.String(), sa.ForeignKey("samples.id"), nullable=False, index=True
        ),
        sa.Column("release", sa.String(), nullable=False),
        sa.Column("campaign", sa.String(), nullable=False),
        sa.Column("experiment", sa.Integer(), nullable=False),
        sa.Column("run_first", sa.Integer(), nullable=False),
        sa.Column("run_last", sa.Integer(), nullable=False),
        sa.Column("background", sa.String(), nullable=False),
        sa.Column("global_tags", JSON, nullable=False),
        sa.Column("displacement", JSON, nullable=False),
        sa.Column("decayer", sa.String()),
        sa.Column("template_version", sa.Integer(), nullable=False),
        sa.Column("created", sa.String(), nullable=False),
        sa.Column("who", sa.String(), nullable=False),
    )
    op.create_table(
        "simulation_jobs",
        sa.Column("key", sa.String(), primary_key=True),
        _simulation(),
        sa.Column("part", sa.Integer(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("skipped", sa.BigInteger(), nullable=False),
        sa.Column("events", sa.BigInteger(), nullable=False),
        sa.Column("seed", sa.String(), nullable=False),
    )
    op.create_table(
        "simulated_files",
        sa.Column("key", sa.String(), primary_key=True),
        sa.Column("sha256", sa.String(), index=True),
        _simulation(),
        sa.Column("tier", sa.String(), nullable=False),
        sa.Column("storage", sa.String(), sa.ForeignKey("roots.name")),
        sa.Column("path", sa.String()),
        sa.Column("lpn", sa.String()),
        sa.Column("size", sa.BigInteger()),
        sa.Column("events", sa.BigInteger()),
        sa.Column("at", sa.String(), nullable=False),
        sa.Column("who", sa.String(), nullable=False),
    )
    op.create_table(
        "simulated_file_jobs",
        sa.Column("file", sa.String(), sa.ForeignKey("simulated_files.key"), primary_key=True),
        sa.Column(
            "job", sa.String(), sa.ForeignKey("simulation_jobs.key"), primary_key=True, index=True
        ),
    )


def _simulation() -> sa.Column[str]:
    return sa.Column(
        "simulation_id", sa.String(), sa.ForeignKey("simulations.id"), nullable=False, index=True
    )
