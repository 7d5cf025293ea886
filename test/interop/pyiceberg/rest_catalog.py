"""Works with a running Loch as pyiceberg users do: REST catalog for tables, S3 endpoint for files.

stdin: {"uri", "region", "key", "secret", "steps": ["write" | "read" | "refused"]}; stdout: facts, by step.
"""
import datetime
import decimal
import json
import sys

import pyarrow as pa
from pyiceberg.catalog import load_catalog
from pyiceberg.exceptions import ForbiddenError, NoSuchTableError
from pyiceberg.expressions import EqualTo
from pyiceberg.partitioning import PartitionField, PartitionSpec
from pyiceberg.schema import Schema
from pyiceberg.transforms import IdentityTransform
from pyiceberg.types import DecimalType, LongType, NestedField, StringType, TimestampType

request = json.load(sys.stdin)
catalog = load_catalog(
    "loch",
    **{
        "type": "rest",
        "uri": request["uri"],
        "credential": f"{request['key']}:{request['secret']}",
        "s3.access-key-id": request["key"],
        "s3.secret-access-key": request["secret"],
    },
)
NAME = ("curated", "visits")
schema = Schema(
    NestedField(1, "id", LongType(), required=True),
    NestedField(2, "region", StringType()),
    NestedField(3, "amount", DecimalType(12, 2)),
    NestedField(4, "at", TimestampType()),
)


def rows(first: int, last: int) -> pa.Table:
    return pa.Table.from_pylist(
        [
            {
                "id": i,
                "region": None if i % 10 == 0 else ["north", "south"][i % 2],
                "amount": decimal.Decimal(i * 25) / 100,
                "at": datetime.datetime(2026, 1, 31) + datetime.timedelta(minutes=i),
            }
            for i in range(first, last)
        ],
        schema=schema.as_arrow(),
    )


def write() -> dict[str, object]:
    spec = PartitionSpec(PartitionField(2, 1000, IdentityTransform(), "region"))
    table = catalog.create_table(NAME, schema=schema, partition_spec=spec, properties={"owner": "interop"})
    table.append(rows(0, 1000))
    first = table.current_snapshot().snapshot_id
    table.append(rows(1000, 1500))
    table.delete(EqualTo("region", "south"))
    with table.update_schema() as update:
        update.add_column("note", StringType())
    with table.transaction() as transaction:
        transaction.set_properties(reviewed="yes")
    with table.manage_snapshots() as snapshots:
        snapshots.create_tag(first, "first")
    staged = catalog.create_table_transaction(("curated", "staged"), schema=schema)
    staged.append(rows(0, 3))
    staged.commit_transaction()
    return {
        "namespaces": sorted(".".join(n) for n in catalog.list_namespaces()),
        "tables": sorted(".".join(t) for t in catalog.list_tables("curated")),
        "staged_rows": catalog.load_table(("curated", "staged")).scan().to_arrow().num_rows,
        "properties": table.properties,
        "first": str(first),
    }


def read() -> dict[str, object]:
    table = catalog.load_table(NAME)
    found = table.scan().to_arrow()
    north = table.scan(row_filter="region = 'north' and id < 100").to_arrow()
    tagged = table.scan(snapshot_id=table.snapshot_by_name("first").snapshot_id).to_arrow() if "first" in table.metadata.refs else None
    return {
        "rows": found.num_rows,
        "ids": sum(found.column("id").to_pylist()),
        "amount": str(sum(found.column("amount").to_pylist())),
        "north_below_100": north.num_rows,
        "tagged": None if tagged is None else tagged.num_rows,
    }


def refused() -> dict[str, object]:
    try:
        catalog.load_table(NAME)
        return {"error": None}
    except (ForbiddenError, NoSuchTableError) as error:
        return {"error": type(error).__name__, "message": str(error)}


json.dump({step: globals()[step]() for step in request["steps"]}, sys.stdout)
