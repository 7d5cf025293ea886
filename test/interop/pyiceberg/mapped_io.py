"""File IO that finds `s3://bucket/key` at `<root>/bucket/key`, so that tables can be read from a plain copy."""
import os

from pyarrow.fs import FileSystem, LocalFileSystem, SubTreeFileSystem
from pyiceberg.io.pyarrow import PyArrowFile, PyArrowFileIO


class MappedIO(PyArrowFileIO):
    def _initialize_s3_fs(self, netloc: str | None) -> FileSystem:
        return SubTreeFileSystem(self.properties["root"], LocalFileSystem())

    def new_output(self, location: str) -> PyArrowFile:
        path = os.path.join(self.properties["root"], location.removeprefix("s3://"))
        os.makedirs(os.path.dirname(path), exist_ok=True)
        return super().new_output(location)


def properties(root: str) -> dict[str, str]:
    return {"py-io-impl": "mapped_io.MappedIO", "root": root}
