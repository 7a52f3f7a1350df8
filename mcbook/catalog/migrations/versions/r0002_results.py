"""Results with their limit points and the samples under them, and who opened which box and why."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0002"
down_revision = "0001"

JSON = sa.JSON().with_variant(JSONB(), "postgresql")


def upgrade() -> None:
    """Create the tables."""
    op.create_table(
        "unblindings",
        sa.Column("id", sa.String(), primary_key=True),
        sa.Column("analysis", sa.String(), nullable=False, index=True),
        sa.Column("frozen", sa.String(), nullable=False, index=True),
        sa.Column("at", sa.String(), nullable=False),
        sa.Column("who", sa.String(), nullable=False),
        sa.Column("why", sa.String(), nullable=False),
        sa.Column("files", JSON, nullable=False),
    )
    op.create_table(
        "results",
        sa.Column("id", sa.String(), primary_key=True),
        sa.Column("digest", sa.String(), nullable=False, unique=True),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("model", sa.String()),
        sa.Column("frozen", sa.String(), nullable=False, index=True),
        sa.Column("cl", sa.Float(), nullable=False),
        sa.Column("method", sa.String(), nullable=False),
        sa.Column("created", sa.String(), nullable=False),
        sa.Column("who", sa.String(), nullable=False),
        sa.Column("inputs", JSON, nullable=False),
        sa.Column("document", JSON, nullable=False),
        sa.Column("unblinding", sa.String(), sa.ForeignKey("unblindings.id")),
    )
    op.create_table(
        "limit_points",
        sa.Column("result_id", sa.String(), sa.ForeignKey("results.id"), primary_key=True),
        sa.Column("number", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column("hypothesis", sa.String(), nullable=False),
        sa.Column("parameters", JSON, nullable=False),
        sa.Column("limits", JSON, nullable=False),
        sa.Column("samples", JSON, nullable=False),
        sa.Column("simulations", JSON),
    )
    op.create_table(
        "result_samples",
        sa.Column("result_id", sa.String(), sa.ForeignKey("results.id"), primary_key=True),
        sa.Column("sample_id", sa.String(), primary_key=True, index=True),
    )
