"""Reads and writes files of a running Loch by Hadoop's s3a. Arguments: one JSON object; prints one JSON line at the end."""
import json
import os
import sys

order = json.loads(sys.argv[1])
answers = os.fdopen(os.dup(1), "w")
os.dup2(2, 1)

from pyspark.sql import SparkSession  # noqa: E402

trust = f"-Djavax.net.ssl.trustStore={order['trustStore']} -Djavax.net.ssl.trustStorePassword=changeit" if order.get("trustStore") else ""
spark = (
    SparkSession.builder.master("local[2]")
    .config("spark.jars", order["jars"])
    .config("spark.driver.extraJavaOptions", trust)
    .config("spark.ui.enabled", "false")
    .config("spark.driver.memory", "1g")
    .config("spark.sql.shuffle.partitions", "2")
    .config("spark.hadoop.fs.s3a.endpoint", order["endpoint"])
    .config("spark.hadoop.fs.s3a.endpoint.region", order["region"])
    .config("spark.hadoop.fs.s3a.path.style.access", "true")
    .config("spark.hadoop.fs.s3a.connection.ssl.enabled", str(order["endpoint"].startswith("https")).lower())
    .config("spark.hadoop.fs.s3a.access.key", order["key"])
    .config("spark.hadoop.fs.s3a.secret.key", order["secret"])
    .config("spark.hadoop.fs.s3a.multipart.size", "5M")
    .config("spark.hadoop.fs.s3a.multipart.threshold", "5M")
    .config("spark.hadoop.fs.s3a.attempts.maximum", "1")
    .getOrCreate()
)
spark.sparkContext.setLogLevel("ERROR")
said = {}
rows = "s3a://raw/s3a/rows"

# Written below _temporary and renamed: what the default committer does by copies and deletes.
frame = spark.range(0, 300_000).selectExpr("id", "id % 3 AS third", "sha2(cast(id AS string), 256) AS text")
frame.repartition(2).write.partitionBy("third").parquet(rows)
said["written"] = spark.read.parquet(rows).count()
said["pruned"] = spark.read.parquet(rows).where("third = 1").selectExpr("sum(id)").first()[0]
frame.limit(10).write.mode("append").parquet(rows + "-small")
frame.limit(10).write.mode("overwrite").parquet(rows + "-small")
said["overwritten"] = spark.read.parquet(rows + "-small").count()
frame.coalesce(1).write.csv("s3a://raw/s3a/large")

jvm = spark.sparkContext._jvm
path = jvm.org.apache.hadoop.fs.Path
files = path(rows).getFileSystem(spark.sparkContext._jsc.hadoopConfiguration())
said["renamed"] = files.rename(path(rows + "-small"), path(rows + "-moved"))
said["moved"] = spark.read.parquet(rows + "-moved").count()
said["gone"] = files.exists(path(rows + "-small"))
said["largest"] = max(status.getLen() for status in files.listStatus(path("s3a://raw/s3a/large")))
said["deleted"] = files.delete(path(rows), True)
said["left"] = sorted(status.getPath().getName() for status in files.listStatus(path("s3a://raw/s3a")))
print(json.dumps(said), file=answers, flush=True)
spark.stop()
