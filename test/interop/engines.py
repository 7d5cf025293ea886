"""One step of work on tables shared between engines.

stdin: {"uri", "endpoint", "region", "key", "secret", "database", "steps": [[engine, action, table, rows]]};
stdout: one answer for each step. Engines: rest and glue (pyiceberg), boto3. Rows are [id, region, amount].
"""
import json
import sys

import pyarrow as pa
from pyiceberg.catalog import load_catalog
from pyiceberg.exceptions import CommitFailedException
from pyiceberg.schema import Schema
from pyiceberg.types import DoubleType, LongType, NestedField, StringType

request = json.load(sys.stdin)
SCHEMA = Schema(
    NestedField(1, "id", LongType()), NestedField(2, "region", StringType()), NestedField(3, "amount", DoubleType())
)
key, secret = request["key"], request["secret"]
catalogs = {
    # No storage key: what is needed is lent with each table.
    "rest": lambda: load_catalog(
        "rest", type="rest", uri=request["uri"], credential=f"{key}:{secret}", warehouse="loch", **request.get("rest", {})
    ),
    "glue": lambda: load_catalog(
        "glue",
        **{
            "type": "glue",
            "glue.endpoint": request["endpoint"],
            "client.region": request["region"],
            "client.access-key-id": key,
            "client.secret-access-key": secret,
            "s3.endpoint": request["endpoint"],
            "s3.region": request["region"],
            "s3.access-key-id": key,
            "s3.secret-access-key": secret,
        },
    ),
}
opened = {}


def catalog(engine):
    if engine not in opened:
        opened[engine] = catalogs[engine]()
    return opened[engine]


def arrow(rows):
    columns = list(zip(*rows)) or [[], [], []]
    return pa.table(
        {"id": pa.array(columns[0], pa.int64()), "region": list(columns[1]), "amount": pa.array(columns[2], pa.float64())}
    )


def read(table):
    rows = table.scan().to_arrow().select(["id", "region", "amount"]).to_pylist()
    return sorted([row["id"], row["region"], row["amount"]] for row in rows)


def step(engine, action, name, rows=()):
    if engine == "boto3":
        import boto3  # not there beside s3fs, which wants another version

        glue = boto3.client(
            "glue",
            endpoint_url=request["endpoint"],
            region_name=request["region"],
            aws_access_key_id=key,
            aws_secret_access_key=secret,
        )
        table = glue.get_table(DatabaseName=request["database"], Name=name)["Table"]
        columns = [[column["Name"], column["Type"]] for column in table["StorageDescriptor"]["Columns"]]
        return [table["Parameters"]["table_type"], columns]
    if action == "create":
        table = catalog(engine).create_table((request["database"], name), schema=SCHEMA)
        table.append(arrow(rows))
        return "done"
    table = catalog(engine).load_table((request["database"], name))
    if action == "append":
        table.append(arrow(rows))
        return "done"
    if action == "plan":
        # What the server plans and what the client plans from the manifests must be the same files.
        files = lambda scan: sorted(task.file.file_path for task in scan.plan_files())
        client, server = catalogs["rest"](), load_catalog(
            "planned",
            type="rest",
            uri=request["uri"],
            credential=f"{key}:{secret}",
            warehouse="loch",
            **{"rest-scan-planning-enabled": "true", "scan-planning-mode": "server"},
        )
        both = [each.load_table((request["database"], name)) for each in (client, server)]
        found = [[files(table.scan(row_filter=condition)) for condition in rows] for table in both]
        return [found[0] == found[1], [len(each) for each in found[0]]]
    if action == "io":
        return [type(table.io).__name__, "s3.session-token" in table.io.properties]
    return read(table)


print(json.dumps([step(*each) for each in request["steps"]]))
