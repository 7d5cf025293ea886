"""Writes tables through the Athena API with awswrangler and boto3."""
import json
import os
import sys
import time

args = json.load(sys.stdin)
os.environ.update(
    AWS_ENDPOINT_URL=args["endpoint"],
    AWS_DEFAULT_REGION=args["region"],
    AWS_ACCESS_KEY_ID=args["key"],
    AWS_SECRET_ACCESS_KEY=args["secret"],
)
import awswrangler as wr  # noqa: E402
import boto3  # noqa: E402
import pandas as pd  # noqa: E402

for service in ("s3", "athena", "glue", "sts"):
    setattr(wr.config, f"{service}_endpoint_url", args["endpoint"])
session = boto3.Session()
bucket = args["bucket"]
output = f"s3://{bucket}/results/"
facts = {}
athena = session.client("athena", endpoint_url=args["endpoint"])


def run(sql, **more):
    started = athena.start_query_execution(
        QueryString=sql, ResultConfiguration={"OutputLocation": output}, **more
    )
    while True:
        execution = athena.get_query_execution(QueryExecutionId=started["QueryExecutionId"])["QueryExecution"]
        if execution["Status"]["State"] not in ("QUEUED", "RUNNING"):
            break
        time.sleep(0.05)
    assert execution["Status"]["State"] == "SUCCEEDED", (sql, execution["Status"])
    results = athena.get_query_results(QueryExecutionId=started["QueryExecutionId"])
    return execution, results


execution, _ = run(f"CREATE DATABASE dml LOCATION 's3://{bucket}/dml/'")
facts["database"] = [execution["StatementType"], execution["SubstatementType"]]

frame = pd.DataFrame({"id": [1, 2, 3], "name": ["a", None, "ü"], "day": pd.to_datetime(["2026-01-01", "2026-01-02", "2026-02-03"])})
common = {"database": "dml", "boto3_session": session, "s3_output": output}
wr.athena.to_iceberg(
    df=frame,
    table="ice",
    temp_path=f"s3://{bucket}/tmp/1/",
    table_location=f"s3://{bucket}/dml/ice/",
    partition_cols=["month(day)"],
    keep_files=False,
    **common,
)
more = pd.DataFrame({"id": [3, 4], "name": ["changed", "d"], "day": pd.to_datetime(["2026-02-03", "2026-02-04"])})
wr.athena.to_iceberg(df=more, table="ice", temp_path=f"s3://{bucket}/tmp/2/", merge_cols=["id"], keep_files=False, **common)
wr.athena.delete_from_iceberg_table(
    df=pd.DataFrame({"id": [1]}), table="ice", temp_path=f"s3://{bucket}/tmp/3/", merge_cols=["id"], keep_files=False, **common
)
read = wr.athena.read_sql_query("SELECT id, name FROM ice ORDER BY id", ctas_approach=False, **common)
facts["wrangler"] = [[int(i), None if pd.isna(n) else n] for i, n in read.itertuples(index=False)]
ctas = wr.athena.read_sql_query("SELECT id, name FROM ice ORDER BY id", ctas_approach=True, **common)
facts["ctas"] = sorted(int(i) for i in ctas["id"])
unloaded = wr.athena.read_sql_query("SELECT id FROM ice", ctas_approach=False, unload_approach=True, **{**common, "s3_output": f"s3://{bucket}/unloaded/"})
facts["unload"] = sorted(int(i) for i in unloaded["id"])
made = wr.athena.create_ctas_table(
    sql="SELECT id, name FROM ice WHERE id > 2", ctas_table="ctas_made", ctas_database="dml", wait=True, **common
)
facts["made"] = [made["ctas_table"], wr.athena.read_sql_query("SELECT count(*) AS n FROM ctas_made", ctas_approach=False, **common)["n"].tolist()]

execution, results = run("INSERT INTO dml.ice (id, name) VALUES (10, 'ten'), (11, 'eleven')")
facts["insert"] = [
    execution["StatementType"],
    results["UpdateCount"],
    len(results["ResultSet"]["Rows"]),
    "DataManifestLocation" in execution["Statistics"],
]
_, results = run("UPDATE dml.ice SET name = ? WHERE id = ?", ExecutionParameters=["'x'' or 1=1'", "10"])
facts["update"] = results["UpdateCount"]
_, results = run("DELETE FROM dml.ice WHERE id = 11")
facts["delete"] = results["UpdateCount"]

print(json.dumps(facts))
