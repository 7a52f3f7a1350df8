"""Files with events, bound to the sample and the part that they are of."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0004"
down_revision = "0003"

JSON = sa.JSON().with_variant(JSONB(), "postgresql")


def upgrade() -> None:
    """Create the table."""
    op.create_table(
        "files",
        sa.Column("sha256", sa.String(), primary_key=True),
        sa.Column(
            "sample_id", sa.String(), sa.ForeignKey("samples.id"), nullable=False, index=True
        ),
        sa.Column("part", sa.Integer(), nullable=False),
        sa.Column("tier", sa.String(), nullable=False),
        sa.Column("storage", sa.String(), sa.ForeignKey("roots.name"), nullable=False),
        sa.Column("path", sa.String(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("events", sa.BigInteger(), nullable=False),
        sa.Column("cross_section_fb", sa.Float()),
        sa.Column("cross_section_error_fb", sa.Float()),
        sa.Column("version", sa.String(), nullable=False),
        sa.Column("facts", JSON, nullable=False),
        sa.Column("at", sa.String(), nullable=False),
        sa.Column("who", sa.String(), nullable=False),
        sa.UniqueConstraint("sample_id", "part", "tier"),
        sa.UniqueConstraint("storage", "path"),
    )
