"""The first books: definitions, samples, points, parts, cards and history."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0001"
down_revision = None

JSON = sa.JSON().with_variant(JSONB(), "postgresql")


def upgrade() -> None:
    """Create the tables."""
    _create_shared()
    _create_samples()
    _create_points()
    _create_files()


def _create_shared() -> None:
    op.create_table(
        "definitions",
        sa.Column("digest", sa.String(), primary_key=True),
        sa.Column("document", JSON, nullable=False),
        sa.Column("facts", JSON, nullable=False),
    )
    op.create_table(
        "formula_sets",
        sa.Column("digest", sa.String(), primary_key=True),
        sa.Column("versions", JSON, nullable=False),
    )
    op.create_table(
        "roots",
        sa.Column("name", sa.String(), primary_key=True),
        sa.Column("path", sa.String(), nullable=False),
    )


def _create_samples() -> None:
    op.create_table(
        "samples",
        sa.Column("id", sa.String(), primary_key=True),
        sa.Column("digest", sa.String(), nullable=False, unique=True),
        sa.Column(
            "definition",
            sa.String(),
            sa.ForeignKey("definitions.digest"),
            nullable=False,
            index=True,
        ),
        sa.Column("model", sa.String(), nullable=False),
        sa.Column("process", sa.String(), nullable=False),
        sa.Column("generator", sa.String(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("created", sa.String(), nullable=False),
        sa.Column("n_events", sa.BigInteger(), nullable=False),
        sa.Column("events_target", sa.BigInteger(), nullable=False),
        sa.Column("storage", sa.String(), sa.ForeignKey("roots.name"), nullable=False),
        sa.Column("directory", sa.String(), nullable=False),
        sa.Column("supersedes", sa.String()),
        sa.Column("formulas", sa.String(), sa.ForeignKey("formula_sets.digest"), nullable=False),
        sa.Column("expected_rate", sa.Float()),
        sa.Column("parameters", JSON, nullable=False),
        sa.Column("derived", JSON, nullable=False),
        sa.Column("reasons", JSON),
    )


def _create_points() -> None:
    op.create_table(
        "points",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("sample_id", sa.String(), sa.ForeignKey("samples.id"), nullable=False),
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("factor", sa.Float()),
        sa.Column("formulas", sa.String(), sa.ForeignKey("formula_sets.digest"), nullable=False),
        sa.Column("parameters", JSON, nullable=False),
        sa.Column("derived", JSON, nullable=False),
        sa.Column("reasons", JSON),
        sa.Column("wide", JSON),
        sa.UniqueConstraint("sample_id", "digest"),
    )


def _create_files() -> None:
    op.create_table(
        "parts",
        sa.Column("sample_id", sa.String(), sa.ForeignKey("samples.id"), primary_key=True),
        sa.Column("number", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column("events", sa.BigInteger(), nullable=False),
        sa.Column("seed", sa.BigInteger(), nullable=False, index=True),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("storage", sa.String(), sa.ForeignKey("roots.name"), nullable=False),
        sa.Column("directory", sa.String(), nullable=False),
    )
    op.create_table(
        "cards",
        sa.Column("sample_id", sa.String(), sa.ForeignKey("samples.id"), primary_key=True),
        sa.Column("part", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column("path", sa.String(), primary_key=True),
        sa.Column("sha256", sa.String(), nullable=False),
        sa.Column("template", sa.String()),
        sa.Column("template_version", sa.Integer()),
    )
    op.create_table(
        "shared_files",
        sa.Column("definition", sa.String(), sa.ForeignKey("definitions.digest"), primary_key=True),
        sa.Column("storage", sa.String(), sa.ForeignKey("roots.name"), primary_key=True),
        sa.Column("path", sa.String(), primary_key=True),
        sa.Column("sha256", sa.String(), nullable=False),
    )
    op.create_table(
        "history",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column(
            "sample_id", sa.String(), sa.ForeignKey("samples.id"), nullable=False, index=True
        ),
        sa.Column("at", sa.String(), nullable=False),
        sa.Column("who", sa.String(), nullable=False),
        sa.Column("event", sa.String(), nullable=False),
        sa.Column("detail", JSON, nullable=False),
    )
