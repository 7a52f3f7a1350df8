"""A small safe language of expressions: one parser, for arrays, SQL and UFO models.

Used by grids, by signal models and by queries. Nothing in it can reach beyond the names that it is
given; length, depth and powers are bounded.
"""

from mcbook.registry.expressions.expression import Expression, parse
from mcbook.registry.expressions.plain import is_plain
from mcbook.registry.expressions.sql import Sql, SqlColumn, register_functions

__all__ = ["Expression", "Sql", "SqlColumn", "is_plain", "parse", "register_functions"]
