"""Writes the odd files of this folder that take another program to make; the text files are made by `texts.ts`.

python3 -m venv v && v/bin/pip install pyarrow==26.0.1 fastavro==1.13.1 openpyxl==3.1.5 python-snappy==0.7.3 lz4==4.4.5 && v/bin/python write_files.py
"""

import bz2
import datetime as dt
import decimal
import io
import pathlib
import zipfile

import fastavro
import lz4.frame
import openpyxl
import pyarrow as pa
import pyarrow.orc
import pyarrow.parquet as pq
import snappy

FILES = pathlib.Path(__file__).parent / "files"
FILES.mkdir(exist_ok=True)
CSV = "id,name,amount,day\n" + "".join(f"{n},name {n % 7},{n / 4},2026-01-{n % 28 + 1:02d}\n" for n in range(1, 400))


def put(name, data):
    (FILES / name).write_bytes(data)


put("packed.csv.bz2", bz2.compress(CSV.encode()))
put("large.csv.bz2", bz2.compress(("id,noise\n" + "".join(f"{n},{n * 2654435761 % 2**32:x}\n" for n in range(20000))).encode()))
put("packed.csv.lz4", lz4.frame.compress(CSV.encode()))
put("linked.csv.lz4", lz4.frame.compress((CSV * 30).encode(), block_linked=True, content_checksum=True))
stream = snappy.StreamCompressor()
put("packed.csv.snappy", stream.compress(CSV.encode()))
buffer = io.BytesIO()
with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
    archive.writestr("inside/data.csv", CSV)
put("packed.zip", buffer.getvalue())
buffer = io.BytesIO()
with zipfile.ZipFile(buffer, "w") as archive:
    archive.writestr("a.csv", CSV)
    archive.writestr("b.csv", CSV)
put("two-files.zip", buffer.getvalue())

schema = pa.schema(
    [
        ("flag", pa.bool_()), ("tiny", pa.int8()), ("small", pa.int16()), ("whole", pa.int32()), ("big", pa.int64()),
        ("real", pa.float32()), ("dbl", pa.float64()), ("word", pa.string()), ("raw", pa.binary()), ("day", pa.date32()),
        ("at", pa.timestamp("ns")), ("price", pa.decimal128(12, 2)), ("tags", pa.list_(pa.string())),
        ("counts", pa.map_(pa.string(), pa.int64())), ("home", pa.struct([("street", pa.string()), ("no", pa.int32())])),
    ]
)
row = {
    "flag": True, "tiny": 1, "small": 2, "whole": 3, "big": 4, "real": 0.5, "dbl": 0.25, "word": "w", "raw": b"\x00",
    "day": dt.date(2026, 1, 31), "at": dt.datetime(2026, 1, 31, 10), "price": decimal.Decimal("1.25"), "tags": ["a"],
    "counts": [("a", 1)], "home": {"street": "Main", "no": 7},
}
table = pa.Table.from_pylist([row] * 3, schema=schema)
for codec in ["uncompressed", "zlib", "snappy", "lz4", "zstd"]:
    pa.orc.write_table(table, FILES / f"types-{codec}.orc", compression=codec)
pa.orc.write_table(pa.table({f"column_{n}": pa.array([n]) for n in range(600)}), FILES / "wide.orc", compression="zlib")
for codec in ["none", "snappy", "gzip", "zstd"]:
    pq.write_table(table, FILES / f"types-{codec}.parquet", compression=codec)
pq.write_table(pa.table({"Ünïcode name": [1], "with space": ["x"], "UPPER": [1.5]}), FILES / "names.parquet")

avro = {
    "type": "record", "name": "Order",
    "fields": [
        {"name": "id", "type": "long"}, {"name": "qty", "type": "int"}, {"name": "ok", "type": "boolean"},
        {"name": "ratio", "type": "float"}, {"name": "score", "type": "double"}, {"name": "raw", "type": "bytes"},
        {"name": "note", "type": ["null", "string"], "default": None},
        {"name": "state", "type": {"type": "enum", "name": "State", "symbols": ["NEW", "DONE"]}},
        {"name": "day", "type": {"type": "int", "logicalType": "date"}},
        {"name": "at", "type": {"type": "long", "logicalType": "timestamp-micros"}},
        {"name": "price", "type": {"type": "bytes", "logicalType": "decimal", "precision": 10, "scale": 2}},
        {"name": "tags", "type": {"type": "array", "items": "string"}},
        {"name": "counts", "type": {"type": "map", "values": "long"}},
        {"name": "home", "type": {"type": "record", "name": "Home", "fields": [{"name": "street", "type": "string"}, {"name": "no", "type": ["null", "int"]}]}},
        {"name": "either", "type": ["int", "long"]}, {"name": "id16", "type": {"type": "string", "logicalType": "uuid"}},
    ],
}
record = {
    "id": 1, "qty": 2, "ok": True, "ratio": 0.5, "score": 0.25, "raw": b"x", "note": None, "state": "NEW",
    "day": dt.date(2026, 1, 31), "at": dt.datetime(2026, 1, 31, tzinfo=dt.timezone.utc), "price": decimal.Decimal("1.25"),
    "tags": ["a"], "counts": {"a": 1}, "home": {"street": "Main", "no": 7}, "either": 3,
    "id16": "f81d4fae-7dec-11d0-a765-00a0c91e6bf6",
}
for codec in ["null", "deflate", "snappy"]:
    buffer = io.BytesIO()
    fastavro.writer(buffer, avro, [record] * 3, codec=codec)
    put(f"orders-{codec}.avro", buffer.getvalue())

book = openpyxl.Workbook()
sheet = book.active
sheet.title = "Orders 2026"
sheet.append(["Order No", "Customer", "Amount", "Ordered", "Shipped at", "Paid"])
for n in range(1, 20):
    sheet.append([n, f"Customer {n}", n / 4, dt.date(2026, 1, n), dt.datetime(2026, 1, n, 10, 30), n % 2 == 0])
book.create_sheet("Notes").append(["not this one"])
book.save(FILES / "orders.xlsx")
book = openpyxl.Workbook()
sheet = book.active
for n in range(5):
    sheet.append([n, n * 2.5, "text"])
book.save(FILES / "no-header.xlsx")
