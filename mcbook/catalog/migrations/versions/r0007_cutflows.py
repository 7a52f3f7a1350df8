"""Cutflows: what selections left of samples, cut by cut."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0007"
down_revision = "0006"

JSON = sa.JSON().with_variant(JSONB(), "postgresql")


def upgrade() -> None:
    """Create the tables."""
    op.create_table(
        "cutflows",
        sa.Column("id", sa.String(), primary_key=True),
        sa.Column("digest", sa.String(), nullable=False, unique=True),
        sa.Column("name", sa.String(), nullable=False, index=True),
        sa.Column("selection", sa.String(), nullable=False, index=True),
        sa.Column("created", sa.String(), nullable=False),
        sa.Column("who", sa.String(), nullable=False),
        sa.Column("document", JSON, nullable=False),
    )
    op.create_table(
        "cutflow_rows",
        sa.Column("cutflow_id", sa.String(), sa.ForeignKey("cutflows.id"), primary_key=True),
        sa.Column("number", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column(
            "sample_id", sa.String(), sa.ForeignKey("samples.id"), nullable=False, index=True
        ),
        sa.Column("simulation_id", sa.String()),
        sa.Column("region", sa.String(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("cut", sa.String(), nullable=False),
        sa.Column("n_generated", sa.BigInteger(), nullable=False),
        sa.Column("sumw_generated", sa.Float(), nullable=False),
        sa.Column("n", sa.BigInteger(), nullable=False),
        sa.Column("sumw", sa.Float(), nullable=False),
        sa.Column("sumw2", sa.Float(), nullable=False),
    )
