"""Writes the golden Delta tables that need Spark: deletion vectors, column mapping, v2 and multi-part checkpoints, widened types.

python3 -m venv v && v/bin/pip install pyspark==3.5.5 && v/bin/python write_with_spark.py
"""

import json
import pathlib
import shutil

from pyspark.sql import SparkSession

HERE = pathlib.Path(__file__).parent
spark = (
    SparkSession.builder.master("local[1]")
    .config("spark.jars.packages", "io.delta:delta-spark_2.12:3.3.2")
    .config("spark.sql.extensions", "io.delta.sql.DeltaSparkSessionExtension")
    .config("spark.sql.catalog.spark_catalog", "org.apache.spark.sql.delta.catalog.DeltaCatalog")
    .config("spark.sql.shuffle.partitions", "1")
    .config("spark.ui.enabled", "false")
    .config("spark.driver.memory", "1g")
    .config("spark.sql.session.timeZone", "UTC")
    .config("spark.databricks.delta.checkpoint.partSize", "4")
    .getOrCreate()
)
golden = {}


def table(name, *statements):
    path = HERE / name
    shutil.rmtree(path, ignore_errors=True)
    for statement in statements:
        spark.sql(statement.replace("{t}", f"delta.`{path}`"))
    found = [json.loads(row) for row in spark.sql(f"SELECT * FROM delta.`{path}`").toJSON().collect()]
    golden[name] = sorted(found, key=lambda row: json.dumps(row, sort_keys=True))
    for crc in list(path.rglob("*.crc")):
        crc.unlink()


table(
    "deleted",
    "CREATE TABLE {t} (id BIGINT, name STRING) USING delta TBLPROPERTIES ('delta.enableDeletionVectors' = true)",
    "INSERT INTO {t} SELECT /*+ COALESCE(1) */ id, concat('n', id) FROM range(20000)",
    "DELETE FROM {t} WHERE id % 3 = 0 AND id < 3000",
    "DELETE FROM {t} WHERE id BETWEEN 4000 AND 19990",
    "DELETE FROM {t} WHERE id = 1",
)
table(
    "mapped_by_name",
    "CREATE TABLE {t} (id BIGINT, nested STRUCT<a: INT, list: ARRAY<STRUCT<x: INT, y: STRING>>>, note STRING, part STRING) USING delta PARTITIONED BY (part) TBLPROPERTIES ('delta.columnMapping.mode' = 'name', 'delta.minReaderVersion' = '2', 'delta.minWriterVersion' = '5')",
    "INSERT INTO {t} VALUES (1, named_struct('a', 1, 'list', array(named_struct('x', 1, 'y', 'one'))), 'dropped', 'p')",
    "ALTER TABLE {t} RENAME COLUMN id TO `the id`",
    "ALTER TABLE {t} RENAME COLUMN nested.a TO b",
    "ALTER TABLE {t} RENAME COLUMN part TO area",
    "ALTER TABLE {t} DROP COLUMN note",
    "ALTER TABLE {t} ADD COLUMN note INT",
    "INSERT INTO {t} VALUES (2, NULL, 'q', 5)",
)
table(
    "mapped_by_id",
    "CREATE TABLE {t} (id BIGINT, name STRING) USING delta TBLPROPERTIES ('delta.columnMapping.mode' = 'id', 'delta.minReaderVersion' = '2', 'delta.minWriterVersion' = '5')",
    "INSERT INTO {t} VALUES (1, 'a'), (2, 'b')",
    "ALTER TABLE {t} RENAME COLUMN name TO title",
    "INSERT INTO {t} VALUES (3, 'c')",
)
table(
    "v2_checkpoint",
    "CREATE TABLE {t} (id BIGINT) USING delta TBLPROPERTIES ('delta.checkpointPolicy' = 'v2', 'delta.checkpointInterval' = '3')",
    *[f"INSERT INTO {{t}} VALUES ({n})" for n in range(5)],
    "DELETE FROM {t} WHERE id = 2",
)
table(
    "many_parts",
    "CREATE TABLE {t} (id BIGINT) USING delta TBLPROPERTIES ('delta.checkpointInterval' = '6')",
    *[f"INSERT INTO {{t}} VALUES ({n})" for n in range(8)],
)
table(
    "widened",
    "CREATE TABLE {t} (n SMALLINT, m BIGINT) USING delta TBLPROPERTIES ('delta.enableTypeWidening' = true)",
    "INSERT INTO {t} VALUES (1, 2)",
    "ALTER TABLE {t} ALTER COLUMN n TYPE INT",
    "INSERT INTO {t} VALUES (100000, 5000000000)",
)
(HERE / "spark-rows.json").write_text(json.dumps(golden, indent=1, sort_keys=True) + "\n")
