"""Reads tables as users of awswrangler do: Athena for the rows, Glue for the columns.

stdin: {"endpoint", "region", "key", "secret", "database", "tables"}; stdout: rows and columns by table.
"""
import json
import os
import sys

request = json.load(sys.stdin)
os.environ.update(
    AWS_ENDPOINT_URL=request["endpoint"],
    AWS_DEFAULT_REGION=request["region"],
    AWS_ACCESS_KEY_ID=request["key"],
    AWS_SECRET_ACCESS_KEY=request["secret"],
)
import awswrangler as wr  # noqa: E402

wr.config.s3_endpoint_url = request["endpoint"]
wr.config.athena_endpoint_url = request["endpoint"]
wr.config.glue_endpoint_url = request["endpoint"]
wr.config.sts_endpoint_url = request["endpoint"]
facts = {}
for name in request["tables"]:
    frame = wr.athena.read_sql_query(
        f"SELECT id, region, amount FROM {name} ORDER BY id",
        database=request["database"],
        ctas_approach=False,
        s3_output=f"s3://{request['results']}/wrangler/",
    )
    rows = [[int(i), r, float(a)] for i, r, a in frame.itertuples(index=False)]
    facts[name] = [rows, wr.catalog.get_table_types(database=request["database"], table=name)]
print(json.dumps(facts))
