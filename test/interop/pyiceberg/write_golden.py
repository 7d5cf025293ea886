"""Writes the golden tables of test/golden/iceberg. Run by hand when pyiceberg changes what it writes:

    pip install 'pyiceberg[sql-sqlite,pyiceberg-core]==0.12.0' pyarrow
    python test/interop/pyiceberg/write_golden.py test/golden/iceberg
"""
import datetime
import decimal
import json
import os
import sys
import tempfile

import pyarrow as pa
from mapped_io import properties
from pyiceberg.catalog.sql import SqlCatalog
from pyiceberg.partitioning import PartitionField, PartitionSpec
from pyiceberg.schema import Schema
from pyiceberg.transforms import BucketTransform, DayTransform, IdentityTransform, TruncateTransform
from pyiceberg.types import (
    DateType,
    DecimalType,
    DoubleType,
    IntegerType,
    ListType,
    LongType,
    NestedField,
    StringType,
    StructType,
    TimestampType,
    TimestamptzType,
)

root = os.path.abspath(sys.argv[1])
os.makedirs(root, exist_ok=True)


schema = Schema(
    NestedField(1, "id", LongType(), required=True),
    NestedField(2, "region", StringType()),
    NestedField(3, "amount", DecimalType(12, 2)),
    NestedField(4, "day", DateType()),
    NestedField(5, "at", TimestampType()),
    NestedField(6, "at_zone", TimestamptzType()),
    NestedField(7, "ratio", DoubleType()),
    NestedField(8, "tags", ListType(element_id=10, element_type=StringType(), element_required=False)),
    NestedField(9, "pair", StructType(NestedField(11, "x", IntegerType()), NestedField(12, "y", StringType()))),
)
spec = PartitionSpec(
    PartitionField(2, 1000, IdentityTransform(), "region"),
    PartitionField(5, 1001, DayTransform(), "at_day"),
    PartitionField(1, 1002, BucketTransform(4), "id_bucket"),
    PartitionField(3, 1003, TruncateTransform(1000), "amount_trunc"),
)


def rows(first: int, last: int) -> pa.Table:
    start = datetime.datetime(1969, 12, 31)
    return pa.Table.from_pylist(
        [
            {
                "id": i,
                "region": None if i % 5 == 0 else ["north", "süd"][i % 2],
                "amount": None if i % 7 == 0 else decimal.Decimal(i * 325 - 1000) / 100,
                "day": None if i % 3 == 0 else datetime.date(1970, 1, 1) + datetime.timedelta(days=i - 5),
                "at": start + datetime.timedelta(hours=i * 5, microseconds=i),
                "at_zone": datetime.datetime(2026, 1, 31, tzinfo=datetime.timezone.utc) + datetime.timedelta(minutes=i),
                "ratio": float("nan") if i == 3 else i / 4 - 1,
                "tags": None if i % 4 == 0 else [f"t{i}", None],
                "pair": None if i % 6 == 0 else {"x": i, "y": f"y{i}"},
            }
            for i in range(first, last)
        ],
        schema=schema.as_arrow(),
    )


with tempfile.TemporaryDirectory() as scratch:
    catalog = SqlCatalog("golden", uri=f"sqlite:///{scratch}/catalog.db", warehouse="s3://golden", **properties(root))
    catalog.create_namespace("golden")
    locations = {}
    for name, partition_spec in (("plain", None), ("partitioned", spec)):
        location = f"s3://golden/{name}"
        extra = {} if partition_spec is None else {"partition_spec": partition_spec}
        table = catalog.create_table(f"golden.{name}", schema=schema, location=location, **extra)
        table.append(rows(0, 6))
        first = table.current_snapshot().snapshot_id
        table.append(rows(6, 10))
        table.delete("id = 7")
        with table.update_schema() as update:
            update.add_column("note", StringType())
            update.rename_column("ratio", "share")
        locations[name] = {"metadata": table.metadata_location, "first_snapshot": str(first)}
    with open(os.path.join(root, "tables.json"), "w") as file:
        json.dump(locations, file, indent=2, sort_keys=True)
        file.write("\n")
