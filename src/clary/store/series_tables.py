"""Tables of series.db: metrics, their points, and how far each shipper got.

Points are clustered by metric, width and time: a point of one value takes
about forty bytes, and a range is read in order without a look-up a point.
"""

from __future__ import annotations

from sqlalchemy import Column, Float, ForeignKey, Index, Integer, LargeBinary, MetaData, Table, Text, UniqueConstraint

from clary.store.marks import mark_table

METADATA = MetaData()

METRIC = Table(
    "metric",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("account", Text, nullable=False),
    Column("region", Text, nullable=False),
    Column("namespace", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("dimensions", Text, nullable=False),  # JSON, sorted by name
    Column("seen", Float, nullable=False),  # when data last came, give or take SEEN_STEP_S
    UniqueConstraint("account", "region", "namespace", "name", "dimensions"),
)

DIMENSION = Table(
    "dimension",
    METADATA,
    Column("metric", Integer, ForeignKey("metric.id", ondelete="CASCADE"), primary_key=True),
    Column("name", Text, primary_key=True),
    Column("value", Text, nullable=False),
    Index("dimension_by_value", "name", "value"),
    sqlite_with_rowid=False,
)

POINT = Table(
    "point",
    METADATA,
    Column("metric", Integer, ForeignKey("metric.id", ondelete="CASCADE"), primary_key=True),
    Column("width", Integer, primary_key=True),  # seconds
    Column("at", Integer, primary_key=True),  # a multiple of the width
    Column("unit", Integer, primary_key=True),  # index into UNITS
    Column("count", Float, nullable=False),
    Column("sum", Float, nullable=False),
    Column("min", Float, nullable=False),
    Column("max", Float, nullable=False),
    Column("spread", LargeBinary),  # see summaries.packed
    sqlite_with_rowid=False,
)

MARK = mark_table("series_mark", METADATA, Column("marked", Float, nullable=False))
