"""File IO that finds `s3://bucket/key` at `<root>/bucket/key`, so that tables can be read from a plain copy."""
from pyarrow.fs import FileSystem, LocalFileSystem, SubTreeFileSystem
from pyiceberg.io.pyarrow import PyArrowFileIO


class MappedIO(PyArrowFileIO):
    def _initialize_s3_fs(self, netloc: str | None) -> FileSystem:
        return SubTreeFileSystem(self.properties["root"], LocalFileSystem())


def properties(root: str) -> dict[str, str]:
    return {"py-io-impl": "mapped_io.MappedIO", "root": root}
