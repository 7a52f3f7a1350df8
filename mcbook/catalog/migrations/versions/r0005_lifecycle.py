"""Tags, owners and retirements of samples, and collections that never change."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0005"
down_revision = "0004"

JSON = sa.JSON().with_variant(JSONB(), "postgresql")


def upgrade() -> None:
    """Create the tables."""
    op.create_table(
        "tags",
        sa.Column("sample_id", sa.String(), sa.ForeignKey("samples.id"), primary_key=True),
        sa.Column("name", sa.String(), primary_key=True, index=True),
        sa.Column("at", sa.String(), nullable=False),
        sa.Column("who", sa.String(), nullable=False),
    )
    op.create_table(
        "owners",
        sa.Column("sample_id", sa.String(), sa.ForeignKey("samples.id"), primary_key=True),
        sa.Column("owner", sa.String(), nullable=False),
        sa.Column("at", sa.String(), nullable=False),
        sa.Column("who", sa.String(), nullable=False),
    )
    op.create_table(
        "retirements",
        sa.Column("sample_id", sa.String(), sa.ForeignKey("samples.id"), primary_key=True),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("at", sa.String(), nullable=False),
        sa.Column("who", sa.String(), nullable=False),
        sa.Column("why", sa.String(), nullable=False),
    )
    op.create_table(
        "collections",
        sa.Column("id", sa.String(), primary_key=True),
        sa.Column("digest", sa.String(), nullable=False, index=True),
        sa.Column("name", sa.String(), nullable=False, index=True),
        sa.Column("created", sa.String(), nullable=False),
        sa.Column("who", sa.String(), nullable=False),
        sa.Column("note", sa.String()),
    )
    op.create_table(
        "collection_samples",
        sa.Column("collection_id", sa.String(), sa.ForeignKey("collections.id"), primary_key=True),
        sa.Column(
            "sample_id", sa.String(), sa.ForeignKey("samples.id"), primary_key=True, index=True
        ),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("events", sa.BigInteger(), nullable=False),
        sa.Column("files", JSON, nullable=False),
    )
