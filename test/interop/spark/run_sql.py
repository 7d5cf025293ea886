"""Runs SQL on Spark with a running Loch as its Iceberg REST catalog, with no storage key of its own.

stdin: first {"uri", "key", "secret", "packages", "ivy", "delegation"}, then lines of {"statements": [text]};
stdout: for each such line a list of rows (or {"error"}), one for each statement.
"""
import json
import os
import sys

request = json.loads(sys.stdin.readline())
# Spark and its gateway print to stdout; only answers may stand there.
answers = os.fdopen(os.dup(1), "w")
os.dup2(2, 1)

from pyspark.sql import SparkSession  # noqa: E402

catalog = "spark.sql.catalog.loch"
spark = (
    SparkSession.builder.master("local[1]")
    .config("spark.jars.packages", request["packages"])
    .config("spark.jars.ivy", request["ivy"])
    .config("spark.ui.enabled", "false")
    .config("spark.driver.memory", "1g")
    .config("spark.sql.shuffle.partitions", "2")
    .config("spark.sql.session.timeZone", "UTC")
    .config("spark.sql.extensions", "org.apache.iceberg.spark.extensions.IcebergSparkSessionExtensions")
    .config(catalog, "org.apache.iceberg.spark.SparkCatalog")
    .config(f"{catalog}.type", "rest")
    .config(f"{catalog}.uri", request["uri"])
    .config(f"{catalog}.warehouse", "loch")
    .config(f"{catalog}.credential", f"{request['key']}:{request['secret']}")
    .config(f"{catalog}.oauth2-server-uri", f"{request['uri']}/v1/oauth/tokens")
    .config(f"{catalog}.header.X-Iceberg-Access-Delegation", request.get("delegation", "vended-credentials"))
    .config(f"{catalog}.io-impl", "org.apache.iceberg.aws.s3.S3FileIO")
    .config(f"{catalog}.cache-enabled", "false")
    .config("spark.sql.defaultCatalog", "loch")
    .getOrCreate()
)
spark.sparkContext.setLogLevel("ERROR")


def run(statement: str) -> object:
    try:
        return [[None if cell is None else str(cell) for cell in row] for row in spark.sql(statement).collect()]
    except Exception as error:  # the test looks at what was refused
        return {"error": " ".join(str(error).split("\n")[:3])}


for line in sys.stdin:
    print(json.dumps([run(statement) for statement in json.loads(line)["statements"]]), file=answers, flush=True)
spark.stop()
