"""Writes the golden Hudi tables: `write_with_spark.py 6` with Hudi 0.15 (table version 6), `… 8` with Hudi 1.0.

python3 -m venv v && v/bin/pip install pyspark==3.5.5 && v/bin/python write_with_spark.py 6 && v/bin/python write_with_spark.py 8
"""

import json
import pathlib
import shutil
import sys

from pyspark.sql import SparkSession

HERE = pathlib.Path(__file__).parent
VERSION = sys.argv[1]
BUNDLE = {"6": "org.apache.hudi:hudi-spark3.5-bundle_2.12:0.15.0", "8": "org.apache.hudi:hudi-spark3.5-bundle_2.12:1.0.2"}[VERSION]
spark = (
    SparkSession.builder.master("local[1]")
    .config("spark.jars.packages", BUNDLE)
    .config("spark.serializer", "org.apache.spark.serializer.KryoSerializer")
    .config("spark.sql.extensions", "org.apache.spark.sql.hudi.HoodieSparkSessionExtension")
    .config("spark.sql.catalog.spark_catalog", "org.apache.spark.sql.hudi.catalog.HoodieCatalog")
    .config("spark.kryo.registrator", "org.apache.spark.HoodieSparkKryoRegistrar")
    .config("spark.sql.shuffle.partitions", "1")
    .config("spark.ui.enabled", "false")
    .config("spark.driver.memory", "1g")
    .config("spark.sql.session.timeZone", "UTC")
    .getOrCreate()
)
COLUMNS = "id BIGINT, name STRING, price DECIMAL(10,2), ts BIGINT, day STRING"
golden = {}


def write(path, name, kind, operation, mode, rows):
    frame = spark.createDataFrame(rows, COLUMNS) if rows and isinstance(rows, list) else rows
    options = {
        "hoodie.table.name": name,
        "hoodie.datasource.write.recordkey.field": "id",
        "hoodie.datasource.write.precombine.field": "ts",
        "hoodie.datasource.write.partitionpath.field": "day",
        "hoodie.datasource.write.hive_style_partitioning": "true",
        "hoodie.datasource.write.table.type": kind,
        "hoodie.datasource.write.operation": operation,
        "hoodie.upsert.shuffle.parallelism": "1",
        "hoodie.metadata.enable": "false",
        "hoodie.parquet.small.file.limit": "0",
        "hoodie.index.bloom.num_entries": "50",
        "hoodie.bloom.index.filter.type": "SIMPLE",
    }
    frame.coalesce(1).write.format("hudi").options(**options).mode(mode).save(str(path))


def rows_of(path):
    frame = spark.read.format("hudi").option("hoodie.metadata.enable", "false").load(str(path))
    found = [json.loads(row) for row in frame.select("id", "name", "price", "ts", "day").toJSON().collect()]
    return sorted(found, key=lambda row: row["id"])


from decimal import Decimal

base = [(n, f"n{n}", Decimal(n) / 4, 1, f"2026-01-0{n % 3 + 1}") for n in range(1, 10)]
for name, kind in [("cow", "COPY_ON_WRITE"), ("mor", "MERGE_ON_READ")]:
    path = HERE / f"{name}_v{VERSION}"
    shutil.rmtree(path, ignore_errors=True)
    write(path, name, kind, "upsert", "overwrite", base)
    first = rows_of(path)
    write(path, name, kind, "upsert", "append", [(1, "changed", Decimal("9.99"), 2, "2026-01-02"), (20, "new", None, 2, "2026-01-01")])
    if kind == "COPY_ON_WRITE":
        write(path, name, kind, "delete", "append", [(2, "", None, 3, "2026-01-03")])
        write(path, name, kind, "insert_overwrite", "append", [(30, "over", Decimal("1.00"), 4, "2026-01-01")])
    golden[f"{name}_v{VERSION}"] = {"first": first, "rows": rows_of(path)}
    for crc in list(path.rglob(".*.crc")):
        crc.unlink()
(HERE / f"rows-v{VERSION}.json").write_text(json.dumps(golden, indent=1, sort_keys=True) + "\n")
