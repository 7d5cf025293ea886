"""Reads a table from its metadata file and prints what it found, for each scan asked for.

stdin: {"root", "metadata", "scans": [{"filter"?, "snapshot"?}]}
stdout: [{"rows", "files", "columns": {name: {"nulls", "min", "max", "sum"}}}]
"""
import json
import sys

import pyarrow as pa
import pyarrow.compute as pc
from mapped_io import properties
from pyiceberg.expressions import AlwaysTrue
from pyiceberg.table import StaticTable


def text(scalar: pa.Scalar) -> str | None:
    value = scalar.as_py()
    if value is None:
        return None
    if isinstance(value, bytes):
        return value.hex()
    return str(value)


def describe(column: pa.ChunkedArray) -> dict[str, object]:
    kind = column.type
    facts: dict[str, object] = {"nulls": column.null_count}
    if pa.types.is_nested(kind):
        return facts
    if pa.types.is_integer(kind) or pa.types.is_decimal(kind):
        wide = column.cast(pa.decimal128(38, kind.scale if pa.types.is_decimal(kind) else 0))
        facts["sum"] = text(pc.sum(wide))
    if not (pa.types.is_boolean(kind) or isinstance(kind, pa.BaseExtensionType)):
        facts["min"] = text(pc.min(column))
        facts["max"] = text(pc.max(column))
    return facts


request = json.load(sys.stdin)
table = StaticTable.from_metadata(request["metadata"], properties(request["root"]))
answers = []
for wanted in request["scans"]:
    scan = table.scan(
        row_filter=wanted.get("filter") or AlwaysTrue(),
        snapshot_id=int(wanted["snapshot"]) if wanted.get("snapshot") else None,
    )
    rows = scan.to_arrow()
    answers.append(
        {
            "rows": rows.num_rows,
            "files": sorted(task.file.file_path for task in scan.plan_files()),
            "columns": {name: describe(rows.column(name)) for name in rows.column_names},
        }
    )
json.dump(answers, sys.stdout)
