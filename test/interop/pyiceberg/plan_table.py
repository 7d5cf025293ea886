"""Times the planning of scans. stdin: {"root", "metadata", "runs", "filter"}; stdout: {"full", "pruned": [ms], "files"}"""
import json
import sys
import time

from mapped_io import properties
from pyiceberg.expressions import AlwaysTrue
from pyiceberg.table import StaticTable

request = json.load(sys.stdin)


def timed(row_filter) -> tuple[float, int]:
    start = time.perf_counter()
    table = StaticTable.from_metadata(request["metadata"], properties(request["root"]))
    files = sum(1 for _ in table.scan(row_filter=row_filter).plan_files())
    return (time.perf_counter() - start) * 1000, files


full = [timed(AlwaysTrue()) for _ in range(request["runs"])]
pruned = [timed(request["filter"]) for _ in range(request["runs"])]
json.dump({"full": [t for t, _ in full], "pruned": [t for t, _ in pruned], "files": full[-1][1]}, sys.stdout)
