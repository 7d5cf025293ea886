"""Works with a running Loch as users of boto3 and of pyiceberg's Glue catalog do.

stdin: {"endpoint", "region", "key", "secret"}; stdout: facts.
"""
import json
import sys

import boto3
import pyarrow as pa
from pyiceberg.catalog import load_catalog
from pyiceberg.exceptions import CommitFailedException, NamespaceAlreadyExistsError
from pyiceberg.types import StringType

request = json.load(sys.stdin)
keys = {"aws_access_key_id": request["key"], "aws_secret_access_key": request["secret"]}
client = {"endpoint_url": request["endpoint"], "region_name": request["region"], **keys}
glue = boto3.client("glue", **client)
catalog = load_catalog(
    "glue",
    **{
        "type": "glue",
        "glue.endpoint": request["endpoint"],
        "glue.max-retries": 1,
        "client.region": request["region"],
        "client.access-key-id": request["key"],
        "client.secret-access-key": request["secret"],
        "s3.endpoint": request["endpoint"],
        "s3.region": request["region"],
        "s3.access-key-id": request["key"],
        "s3.secret-access-key": request["secret"],
    },
)
NAME = ("shop", "orders")
facts = {}

boto3.client("s3", **client).create_bucket(Bucket="interop")
catalog.create_namespace("shop", {"location": "s3://interop/shop", "owner": "me"})
try:
    catalog.create_namespace("shop")
except NamespaceAlreadyExistsError:
    facts["twice"] = "NamespaceAlreadyExistsError"
catalog.update_namespace_properties("shop", updates={"stage": "test"})
facts["namespace"] = catalog.load_namespace_properties("shop")

rows = pa.table({"id": pa.array([1, 2, 3], pa.int64()), "name": ["a", "b", "c"]})
table = catalog.create_table(NAME, schema=rows.schema, location="s3://interop/shop/orders", properties={"k": "v"})
table.append(rows)
with table.update_schema() as update:
    update.add_column("note", StringType(), doc="more")
table.append(pa.table({"id": pa.array([4], pa.int64()), "name": ["d"], "note": ["n"]}))
facts["rows"] = catalog.load_table(NAME).scan().to_arrow().num_rows
facts["tables"] = catalog.list_tables("shop")
facts["exists"] = [catalog.table_exists(NAME), catalog.table_exists(("shop", "nothing"))]

# Two writers on one base: the second is told, tries again on the newer table, and nothing is lost.
first, second = catalog.load_table(NAME), catalog.load_table(NAME)
one = pa.table({"id": pa.array([5], pa.int64()), "name": ["e"], "note": ["n"]})
first.append(one)
try:
    second.append(one)
    facts["second"] = "retried"
except CommitFailedException:
    facts["second"] = "refused"
    second.refresh()
    second.append(one)
facts["rows_of_two"] = catalog.load_table(NAME).scan().to_arrow().num_rows

shown = glue.get_table(DatabaseName="shop", Name="orders")["Table"]
facts["shown"] = {
    "columns": shown["StorageDescriptor"]["Columns"],
    "type": shown["Parameters"]["table_type"],
    "previous": shown["Parameters"]["previous_metadata_location"] != shown["Parameters"]["metadata_location"],
    "current": shown["Parameters"]["metadata_location"] == catalog.load_table(NAME).metadata_location,
}
# A metadata file that is not this table's is refused, and so is a stale version.
stranger = catalog.create_table(("shop", "other"), schema=rows.schema, location="s3://interop/shop/other")
facts["refused"] = []
for parameters, version in (
    ({"metadata_location": stranger.metadata_location}, shown["VersionId"]),
    ({}, "0"),
):
    try:
        glue.update_table(
            DatabaseName="shop",
            VersionId=version,
            TableInput={
                "Name": "orders",
                "StorageDescriptor": {"Location": shown["StorageDescriptor"]["Location"]},
                "Parameters": {**shown["Parameters"], **parameters},
            },
        )
    except glue.exceptions.ClientError as error:
        facts["refused"].append(error.response["Error"]["Code"])
catalog.rename_table(NAME, ("shop", "orders2"))
facts["renamed"] = catalog.load_table(("shop", "orders2")).scan().to_arrow().num_rows
facts["pages"] = [
    table["Name"]
    for page in glue.get_paginator("get_tables").paginate(DatabaseName="shop", PaginationConfig={"PageSize": 1})
    for table in page["TableList"]
]
json.dump(facts, sys.stdout)
