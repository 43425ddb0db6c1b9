"""The zip archives that PyTorch writes: looked through before anything in them is read, never extracted.

PyTorch stores every entry uncompressed under one common folder: `<folder>/data.pkl`, a pickle that refers to
`<folder>/data/<number>`, the raw values; only a compiled program's `<folder>/code/` is compressed, and is not
read here. Whatever is otherwise (compressed, encrypted, repeated, outside its folder, larger than the file) was not
written by PyTorch and is refused, which bounds memory and time.
Source: the zip application note (APPNOTE 6.3), PyTorch's serialization notes.
"""

import struct
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from internvideo_pl.errors import UserError

CODE = "code/"
SIGNATURE = b"PK\x03\x04"
LARGEST_DIRECTORY = 16 << 20  # bytes; a model of 1,500 tensors needs 0.2 MB
_LOCAL_HEADER = struct.Struct("<4s22xHH")  # signature, ..., length of the name, length of the extra field
_TAIL = 22 + 65535  # an end record with the longest comment
_END, _END64 = b"PK\x05\x06", b"PK\x06\x06"
_ENCRYPTED = 1


@dataclass(frozen=True)
class Archive:
    """An archive of PyTorch's, checked.

    Attributes:
        path: The file.
        entries: Name below the common folder -> (offset, length) of its bytes in the file.
    """

    path: Path
    entries: dict[str, tuple[int, int]]

    @property
    def is_torchscript(self) -> bool:
        """Whether it holds a compiled program, as OpenAI's CLIP files do."""
        return "constants.pkl" in self.entries

    def read(self, name: str, largest: int) -> bytes:
        """The bytes of an entry.

        Raises:
            UserError: There is no such entry, or it is longer than `largest` bytes.
        """
        if name not in self.entries:
            raise UserError(f"{self.path} is a zip archive without {name}, so PyTorch did not write it.")
        offset, length = self.entries[name]
        if length > largest:
            raise UserError(f"{self.path} has a {name} of {length:,} bytes; that of a model is below {largest:,}.")
        with self.path.open("rb") as file:
            file.seek(offset)
            return file.read(length)


def open_archive(path: Path) -> Archive:
    """Looks through an archive.

    Raises:
        UserError: It is damaged, or PyTorch did not write it.
    """
    size = path.stat().st_size
    with path.open("rb") as file:
        file.seek(max(size - _TAIL, 0))
        tail = file.read()
    if _directory_size(tail) > LARGEST_DIRECTORY:
        raise UserError(f"{path} lists far more entries than a model has.")
    try:
        with zipfile.ZipFile(path) as archive:
            listed = [entry for entry in archive.infolist() if not entry.filename.partition("/")[2].startswith(CODE)]
    except (zipfile.BadZipFile, ValueError, NotImplementedError, struct.error, OSError) as error:
        raise UserError(
            f"{path} is a damaged or incomplete zip archive ({error}): copy or download it again."
        ) from error
    for entry in listed:
        if problem := _problem(entry):
            raise UserError(f"{path} was not written by PyTorch: its entry {entry.filename!r} {problem}.")
    names = [entry.filename for entry in listed]
    folders = {name.partition("/")[0] for name in names}
    if len(folders) != 1 or len(set(names)) != len(names):
        raise UserError(f"{path} was not written by PyTorch: its entries repeat or do not lie in one folder.")
    if sum(entry.file_size for entry in listed) > size:
        raise UserError(f"{path} declares more bytes than it has: its entries overlap or were cut off.")
    with path.open("rb") as file:
        places = {e.filename.partition("/")[2]: (_start(file, e, path), e.file_size) for e in listed}
    return Archive(path, places)


def _directory_size(tail: bytes) -> int:
    """The size of the central directory that the end records declare; the larger one of both forms."""
    sizes = [0]
    if (at := tail.rfind(_END)) >= 0 and len(tail) >= at + 16:
        short = struct.unpack_from("<I", tail, at + 12)[0]
        sizes.append(short if short != 0xFFFFFFFF else 0)
    if (at := tail.rfind(_END64)) >= 0 and len(tail) >= at + 48:
        sizes.append(struct.unpack_from("<Q", tail, at + 40)[0])
    return max(sizes)


def _problem(entry: zipfile.ZipInfo) -> str:
    parts = entry.filename.replace("\\", "/").split("/")
    if entry.compress_type != zipfile.ZIP_STORED or entry.compress_size != entry.file_size:
        return "is compressed"
    if entry.flag_bits & _ENCRYPTED:
        return "is encrypted"
    if len(parts) < 2 or not all(parts) or ".." in parts or "\0" in entry.filename:
        return "does not lie in the archive's folder"
    return ""


def _start(file: BinaryIO, entry: zipfile.ZipInfo, path: Path) -> int:
    file.seek(entry.header_offset)
    header = file.read(_LOCAL_HEADER.size)
    if len(header) == _LOCAL_HEADER.size:
        signature, name, extra = _LOCAL_HEADER.unpack(header)
        start = entry.header_offset + _LOCAL_HEADER.size + name + extra
        if signature == SIGNATURE and start + entry.file_size <= path.stat().st_size:
            return start
    raise UserError(f"{path} is a damaged zip archive: {entry.filename!r} is not where it should be.")
