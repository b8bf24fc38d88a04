"""Reading TensorFlow checkpoints, against checkpoints written here byte by byte."""

import struct
from pathlib import Path

import google_crc32c
import numpy as np
import pytest
from numpy.typing import NDArray

from tonearm.models.musicnn.architecture import MusicnnArchitecture
from tonearm.models.musicnn.convert import convert_tensors
from tonearm.models.musicnn.tensor_bundle import TensorBundleError, read_index, read_tensors

Array = NDArray[np.floating]


def varint(number: int) -> bytes:
    low, rest = number & 0x7F, number >> 7
    return bytes([low | 0x80]) + varint(rest) if rest else bytes([low])


def checksum(content: bytes) -> int:
    crc = google_crc32c.value(content)
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF


def entry(array: Array, offset: int, dtype: int = 1, shard: int = 0) -> bytes:
    """A BundleEntryProto."""
    dimensions = b"".join(
        b"\x12" + varint(len(size)) + size for size in (b"\x08" + varint(length) for length in array.shape)
    )
    content = array.tobytes()
    message = b"\x08" + varint(dtype) + b"\x12" + varint(len(dimensions)) + dimensions
    message += b"\x18" + varint(shard) if shard else b""
    message += b"\x20" + varint(offset) + b"\x28" + varint(len(content))
    return message + b"\x35" + struct.pack("<I", checksum(content))


def block(pairs: list[tuple[bytes, bytes]]) -> bytes:
    """A block with prefix compression from one restart point, and its trailer."""
    content, previous = b"", b""
    for key, value in pairs:
        shared = next((i for i, (a, b) in enumerate(zip(key, previous, strict=False)) if a != b), None)
        shared = min(len(key), len(previous)) if shared is None else shared
        content += varint(shared) + varint(len(key) - shared) + varint(len(value)) + key[shared:] + value
        previous = key
    content += struct.pack("<II", 0, 1)
    return content + b"\x00" + struct.pack("<I", checksum(content + b"\x00"))


def handle(offset: int, whole_block: bytes) -> bytes:
    return varint(offset) + varint(len(whole_block) - 5)


def write_checkpoint(folder: Path, tensors: dict[str, Array], **options: int) -> None:
    data, pairs = b"", [(b"", b"\x08\x01")]
    for name in sorted(tensors):
        pairs.append((name.encode(), entry(tensors[name], len(data), **options)))
        data += tensors[name].tobytes()
    middle = len(pairs) // 2
    first, second = block(pairs[:middle]), block(pairs[middle:])
    index = block([(b"m", handle(0, first)), (b"z", handle(len(first), second))])
    start = len(first) + len(second)
    footer = (varint(0) + varint(0) + handle(start, index)).ljust(40, b"\x00")
    (folder / ".index").write_bytes(first + second + index + footer + struct.pack("<Q", 0xDB4775248B80FB57))
    (folder / ".data-00000-of-00001").write_bytes(data)


@pytest.fixture
def tensors() -> dict[str, Array]:
    numbers = np.random.default_rng(0)
    shapes = {"conv2d/bias": (3,), "conv2d/kernel": (7, 2, 1, 3), "dense/kernel": (5, 200), "step": ()}
    return {name: numbers.random(shape).astype("<f4") for name, shape in shapes.items()}


def test_tensors_come_back(tmp_path: Path, tensors: dict[str, Array]) -> None:
    write_checkpoint(tmp_path, tensors)
    found = read_tensors(tmp_path)
    assert found.keys() == tensors.keys()
    for name, tensor in tensors.items():
        np.testing.assert_array_equal(found[name], tensor)


@pytest.mark.parametrize(
    ("options", "message"),
    [({"dtype": 3}, "data type 3"), ({"shard": 1}, "sharded")],
    ids=["int32", "sharded"],
)
def test_other_kinds_are_refused(
    tmp_path: Path, tensors: dict[str, Array], options: dict[str, int], message: str
) -> None:
    write_checkpoint(tmp_path, tensors, **options)
    with pytest.raises(TensorBundleError, match=message):
        read_tensors(tmp_path)


def test_damage_is_noticed(tmp_path: Path, tensors: dict[str, Array]) -> None:
    write_checkpoint(tmp_path, tensors)
    for name in (".index", ".data-00000-of-00001"):
        path = tmp_path / name
        content = path.read_bytes()
        path.write_bytes(content[:20] + bytes([content[20] ^ 1]) + content[21:])
        with pytest.raises(TensorBundleError, match="checksum"):
            read_tensors(tmp_path)
        path.write_bytes(content)


def test_a_short_data_file_is_noticed(tmp_path: Path, tensors: dict[str, Array]) -> None:
    write_checkpoint(tmp_path, tensors)
    path = tmp_path / ".data-00000-of-00001"
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(TensorBundleError, match="bytes of data"):
        read_tensors(tmp_path)


@pytest.mark.parametrize("cut", [0, 10, 47, 60])
def test_a_cut_index_is_refused(tmp_path: Path, tensors: dict[str, Array], cut: int) -> None:
    write_checkpoint(tmp_path, tensors)
    with pytest.raises(TensorBundleError):
        read_index((tmp_path / ".index").read_bytes()[-cut:] if cut else b"")


def test_conversion_names_and_shapes_fit_the_architecture() -> None:
    """TensorFlow's shapes, filled with anything, become exactly the tensors that the network asks for."""
    checkpoint = {"beta1_power": np.zeros(())}
    norms = [1, 204, 204, 51, 51, 51, 64, 64, 64, 1506, 200]
    kernels = [(7, 38, 1, 204), (7, 67, 1, 204), (128, 1, 1, 51), (64, 1, 1, 51), (32, 1, 1, 51)]
    kernels += [(7, 561, 1, 64), (7, 64, 1, 64), (7, 64, 1, 64)]
    layers = [("conv2d", kernels), ("dense", [(1506, 200), (200, 50)])]
    for number, size in enumerate(norms):
        for part in ("gamma", "beta", "moving_mean", "moving_variance"):
            checkpoint[f"batch_normalization{f'_{number}' * bool(number)}/{part}"] = np.zeros(size)
    for kind, shapes in layers:
        for number, shape in enumerate(shapes):
            name = f"{kind}{f'_{number}' * bool(number)}"
            checkpoint |= {f"{name}/kernel": np.zeros(shape), f"{name}/bias": np.zeros(shape[-1])}
    converted = {name: tensor.shape for name, tensor in convert_tensors(checkpoint).items()}
    assert converted == MusicnnArchitecture().tensor_shapes(50)
