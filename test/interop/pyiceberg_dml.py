"""Reads with pyiceberg what SQL wrote."""
import json
import sys

from pyiceberg.catalog import load_catalog

args = json.load(sys.stdin)
catalog = load_catalog(
    "loch",
    **{
        "type": "glue",
        "glue.endpoint": args["endpoint"],
        "client.region": args["region"],
        "client.access-key-id": args["key"],
        "client.secret-access-key": args["secret"],
        "s3.endpoint": args["endpoint"],
        "s3.access-key-id": args["key"],
        "s3.secret-access-key": args["secret"],
        "s3.region": args["region"],
    },
)
table = catalog.load_table("dml.ice")
rows = table.scan().to_arrow().select(["id", "name"]).to_pylist()
facts = {}
facts["rows"] = sorted([[row["id"], row["name"]] for row in rows])
facts["partitions"] = sorted(str(field.transform) for field in table.spec().fields)
print(json.dumps(facts))
