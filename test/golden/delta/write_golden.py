"""Writes the golden Delta tables of this folder with delta-rs, and beside each what it reads back.

python3 -m venv v && v/bin/pip install deltalake==1.6.6 pyarrow==26.0.1 && v/bin/python write_golden.py
"""

import datetime as dt
import decimal
import json
import pathlib
import shutil

import pyarrow as pa
from deltalake import CommitProperties, DeltaTable, write_deltalake

HERE = pathlib.Path(__file__).parent
UTC = dt.timezone.utc


def fresh(name):
    path = HERE / name
    shutil.rmtree(path, ignore_errors=True)
    return str(path)


def plain(value):
    if isinstance(value, dt.datetime):
        return value.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S.%f") if value.tzinfo else value.strftime("%Y-%m-%d %H:%M:%S.%f")
    if isinstance(value, (dt.date, decimal.Decimal)):
        return str(value)
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, dict):
        return {k: plain(v) for k, v in value.items()}
    if isinstance(value, list):
        return [plain(v) for v in value]
    return value


def rows(path, version=None):
    table = DeltaTable(path, version=version).to_pyarrow_table()
    found = [{k: plain(v) for k, v in row.items()} for row in table.to_pylist()]
    return sorted(found, key=lambda row: json.dumps(row, sort_keys=True, default=str))


def types_table():
    path = fresh("types")
    schema = pa.schema(
        [
            ("id", pa.int64()), ("i", pa.int32()), ("s", pa.int16()), ("b", pa.int8()), ("f", pa.float32()),
            ("d", pa.float64()), ("t", pa.string()), ("ok", pa.bool_()), ("bin", pa.binary()), ("day", pa.date32()),
            ("at", pa.timestamp("us", "UTC")), ("local", pa.timestamp("us")), ("price", pa.decimal128(12, 2)),
            ("tags", pa.list_(pa.string())), ("at_home", pa.struct([("street", pa.string()), ("no", pa.int32())])),
        ]
    )
    batch = pa.Table.from_pylist(
        [
            {"id": 1, "i": 2, "s": 3, "b": 4, "f": 0.5, "d": 0.25, "t": "a'\"b", "ok": True, "bin": b"\x00\xff",
             "day": dt.date(2026, 1, 31), "at": dt.datetime(2026, 1, 31, 10, 20, 30, 123456, UTC),
             "local": dt.datetime(2026, 1, 31, 10, 20, 30), "price": decimal.Decimal("12.30"), "tags": ["x", None],
             "at_home": {"street": "Main", "no": 7}},
            {"id": 2},
        ],
        schema=schema,
    )
    write_deltalake(path, batch)


def partitioned_table():
    path = fresh("partitioned")
    def batch(first, days):
        return pa.table({
            "id": pa.array(range(first, first + len(days)), pa.int64()),
            "day": pa.array(days, pa.date32()),
            "shop": pa.array([None if i % 3 == 2 else f"s {i % 3}/é" for i in range(len(days))], pa.string()),
        })
    day = lambda n: dt.date(2026, 1, n)
    write_deltalake(path, batch(0, [day(1), day(1), day(2)]), partition_by=["day", "shop"])
    write_deltalake(path, batch(10, [day(2), day(3), day(3)]), mode="append")
    table = DeltaTable(path)
    table.delete("id = 10")
    table.update(updates={"id": "id + 100"}, predicate="id = 0")


def checkpointed_table():
    path = fresh("checkpointed")
    for n in range(14):
        write_deltalake(path, pa.table({"n": pa.array([n], pa.int64())}), mode="append")
    table = DeltaTable(path)
    table.create_checkpoint()
    table.optimize.compact()
    write_deltalake(path, pa.table({"n": pa.array([99], pa.int64()), "extra": ["new"]}), mode="append", schema_mode="merge")


types_table()
partitioned_table()
checkpointed_table()
golden = {}
for name in ["types", "partitioned", "checkpointed"]:
    path = str(HERE / name)
    latest = DeltaTable(path).version()
    golden[name] = {"version": latest, "rows": rows(path)}
    if name != "types":
        golden[name]["past"] = {str(v): rows(path, v) for v in (0, 1, latest - 1)}
(HERE / "rows.json").write_text(json.dumps(golden, indent=1, sort_keys=True, ensure_ascii=False) + "\n")
for lock in HERE.rglob("*.tmp"):
    lock.unlink()
