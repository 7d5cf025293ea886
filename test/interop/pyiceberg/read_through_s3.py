"""Reads a table at its metadata location through the S3 door; prints rows and sums, or the error, as JSON."""
import json
import sys

import pyarrow.compute as pc
from pyiceberg.table import StaticTable

ask = json.load(sys.stdin)
try:
    table = StaticTable.from_metadata(
        ask["metadata"],
        properties={
            "s3.endpoint": ask["endpoint"],
            "s3.region": ask["region"],
            "s3.access-key-id": ask["accessKeyId"],
            "s3.secret-access-key": ask["secretAccessKey"],
            "s3.force-virtual-addressing": "false",
        },
    )
    rows = table.scan().to_arrow()
    print(json.dumps({"rows": rows.num_rows, "sums": {name: str(pc.sum(rows[name]).as_py()) for name in ask["sums"]}}))
except Exception as error:  # noqa: BLE001 - whatever pyiceberg throws is the answer
    print(json.dumps({"error": f"{type(error).__name__}: {error}"}))
