"""Works on the catalog as users of awswrangler do: wr.catalog, wr.s3.to_parquet and wr.athena.

stdin: {"endpoint", "region", "key", "secret", "bucket"}; stdout: facts that the test compares.
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
import pandas as pd  # noqa: E402

for service in ("s3", "athena", "glue", "sts"):
    setattr(wr.config, f"{service}_endpoint_url", request["endpoint"])

root = f"s3://{request['bucket']}/wr"
facts = {}


def plain(value):
    if pd.isna(value):
        return None
    value = value.item() if hasattr(value, "item") else value
    return value if isinstance(value, (int, float)) else str(value)


def rows(frame):
    return [[plain(value) for value in row] for row in frame.itertuples(index=False)]


def query(sql):
    return rows(wr.athena.read_sql_query(sql, database="wr", ctas_approach=False, s3_output=f"{root}/results/"))


wr.catalog.create_database("wr", description="made by wr", database_input_args={"LocationUri": f"{root}/"})
wr.catalog.create_database("wr", exist_ok=True)
facts["databases"] = [one["Name"] for one in wr.catalog.get_databases() if one["Name"] == "wr"]
facts["listed"] = [row for row in rows(wr.catalog.databases()) if row[0] == "wr"]

# A dataset that wr writes and registers itself, in two steps.
first = pd.DataFrame({"id": [1, 2, 3], "price": [1.5, 2.5, None], "name": ["a", "b", "ü"], "day": ["2026-01-01", "2026-01-01", "2026-01-02"]})
second = pd.DataFrame({"id": [4], "price": [4.0], "name": ["d"], "day": ["2026-01-03"]})
common = dict(path=f"{root}/sales/", dataset=True, database="wr", table="sales", partition_cols=["day"])
wr.s3.to_parquet(first, mode="overwrite", glue_table_settings={"description": "sold", "columns_comments": {"id": "key"}, "parameters": {"owner": "ana"}}, **common)
wr.s3.to_parquet(second, mode="append", **common)
facts["types"] = wr.catalog.get_table_types("wr", "sales")
facts["rows"] = query("SELECT id, price, name, day FROM sales ORDER BY id")
facts["one_day"] = query("SELECT count(*) FROM sales WHERE day = '2026-01-01'")
partitions = wr.catalog.get_partitions("wr", "sales")
facts["partitions"] = sorted(values[0] for values in partitions.values())
facts["filtered"] = sorted(v[0] for v in wr.catalog.get_parquet_partitions("wr", "sales", expression="day > '2026-01-01'").values())
facts["location"] = wr.catalog.get_table_location("wr", "sales") == f"{root}/sales/"
facts["description"] = wr.catalog.get_table_description("wr", "sales")
facts["comments"] = wr.catalog.get_columns_comments("wr", "sales")["id"]
facts["parameters"] = wr.catalog.get_table_parameters("wr", "sales")["owner"]
wr.catalog.upsert_table_parameters({"stage": "test"}, "wr", "sales")
facts["upserted"] = [wr.catalog.get_table_parameters("wr", "sales")[key] for key in ("owner", "stage")]
replaced = pd.DataFrame({"id": [9], "price": [9.0], "name": ["z"], "day": ["2026-01-02"]})
wr.s3.to_parquet(replaced, mode="overwrite_partitions", **common)
facts["overwritten"] = query("SELECT id, day FROM sales ORDER BY id")
wider = pd.DataFrame({"id": [10], "price": [1.0], "name": ["n"], "note": ["new"], "day": ["2026-01-04"]})
wr.s3.to_parquet(wider, mode="append", catalog_versioning=True, **common)
facts["evolved"] = query("SELECT id, note FROM sales WHERE id IN (1, 10) ORDER BY id")
facts["versions"] = wr.catalog.get_table_number_of_versions("wr", "sales") >= 2
wr.catalog.delete_column("wr", "sales", "note")
facts["without_note"] = "note" in wr.catalog.get_table_types("wr", "sales")
wr.catalog.delete_partitions("sales", "wr", [["2026-01-04"]])
facts["left"] = sorted(values[0] for values in wr.catalog.get_partitions("wr", "sales").values())

# Tables over files that are there already.
wr.s3.to_csv(pd.DataFrame({"k": [1, 2], "v": ["x", "y"]}), f"{root}/flat/part=a/f.csv", index=False, header=False)
wr.catalog.create_csv_table("wr", "flat", f"{root}/flat/", {"k": "bigint", "v": "string"}, partitions_types={"part": "string"})
wr.catalog.add_csv_partitions("wr", "flat", {f"{root}/flat/part=a/": ["a"]})
facts["csv"] = query("SELECT k, v, part FROM flat ORDER BY k")
wr.s3.to_json(pd.DataFrame({"k": [7]}), f"{root}/lines/f.json", orient="records", lines=True)
wr.catalog.create_json_table("wr", "lines", f"{root}/lines/", {"k": "bigint"})
facts["json"] = query("SELECT k FROM lines")

# Projection: partitions that nobody lists.
wr.catalog.create_parquet_table(
    "wr", "projected", f"{root}/sales/", {"id": "bigint"}, partitions_types={"day": "string"},
    athena_partition_projection_settings={"projection_types": {"day": "date"}, "projection_ranges": {"day": "2026-01-01,2026-01-31"}, "projection_formats": {"day": "yyyy-MM-dd"}},
)
facts["projected"] = query("SELECT count(*), min(day), max(day) FROM projected")
facts["unlisted"] = wr.catalog.get_partitions("wr", "projected")

facts["tables"] = sorted(rows(wr.catalog.tables(database="wr"))[i][1] for i in range(4))
facts["found"] = sorted(one["Name"] for one in wr.catalog.get_tables(database="wr", name_contains="a"))
facts["searched"] = sorted(one["Name"] for one in wr.catalog.search_tables(text="sold"))
facts["table"] = [row[:2] for row in rows(wr.catalog.table("wr", "flat"))]
facts["deleted"] = [wr.catalog.delete_table_if_exists("wr", "flat"), wr.catalog.delete_table_if_exists("wr", "flat")]
facts["exists"] = [wr.catalog.does_table_exist("wr", "flat"), wr.catalog.does_table_exist("wr", "lines")]
wr.catalog.delete_all_partitions("sales", "wr")
facts["none"] = wr.catalog.get_partitions("wr", "sales")
wr.catalog.delete_database("wr")
facts["gone"] = [one["Name"] for one in wr.catalog.get_databases() if one["Name"] == "wr"]
print(json.dumps(facts))
