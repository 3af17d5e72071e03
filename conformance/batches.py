"""Record batches of magic 2, made by hand, so that each of their fields can be wrong on purpose."""

from __future__ import annotations

import dataclasses
import gzip
import struct
from typing import List, Optional, Tuple

import crc32c
import lz4.frame
import snappy
import zstandard

NONE, GZIP, SNAPPY, LZ4, ZSTD = range(5)


@dataclasses.dataclass
class Record:
    key: Optional[bytes] = None
    value: Optional[bytes] = b"value"
    timestamp_delta: int = 0
    offset_delta: Optional[int] = None
    headers: Tuple[Tuple[bytes, Optional[bytes]], ...] = ()
    attributes: int = 0
    trailing: bytes = b""


@dataclasses.dataclass
class Batch:
    records: List[Record]
    codec: int = NONE
    base_offset: int = 0
    leader_epoch: int = -1
    magic: int = 2
    attributes: int = 0
    last_offset_delta: Optional[int] = None
    base_timestamp: int = 0
    max_timestamp: Optional[int] = None
    producer_id: int = -1
    producer_epoch: int = -1
    base_sequence: int = -1
    count: Optional[int] = None
    wrong_crc: bool = False
    length_error: int = 0
    body: Optional[bytes] = None

    def build(self) -> bytes:
        body = self.body
        if body is None:
            body = b"".join(record_bytes(record, number) for number, record in enumerate(self.records))
            body = pack(self.codec, body)
        last = len(self.records) - 1 if self.last_offset_delta is None else self.last_offset_delta
        newest = max((record.timestamp_delta for record in self.records), default=0) + self.base_timestamp
        sealed = struct.pack(
            ">hiqqqhii",
            self.attributes | self.codec,
            last,
            self.base_timestamp,
            newest if self.max_timestamp is None else self.max_timestamp,
            self.producer_id,
            self.producer_epoch,
            self.base_sequence,
            len(self.records) if self.count is None else self.count,
        ) + body
        checksum = crc32c.crc32c(sealed) ^ (0x5A if self.wrong_crc else 0)
        inner = struct.pack(">ibI", self.leader_epoch, self.magic, checksum) + sealed
        return struct.pack(">qi", self.base_offset, len(inner) + self.length_error) + inner


def zigzag(number: int) -> bytes:
    number = (number << 1) ^ (number >> 63)
    number &= (1 << 64) - 1
    out = bytearray()
    while number > 127:
        out.append(number & 127 | 128)
        number >>= 7
    out.append(number)
    return bytes(out)


def sized(data: Optional[bytes]) -> bytes:
    return zigzag(-1) if data is None else zigzag(len(data)) + data


def record_bytes(record: Record, number: int) -> bytes:
    offset_delta = number if record.offset_delta is None else record.offset_delta
    body = bytes([record.attributes]) + zigzag(record.timestamp_delta) + zigzag(offset_delta)
    body += sized(record.key) + sized(record.value) + zigzag(len(record.headers))
    for key, value in record.headers:
        body += sized(key) + sized(value)
    body += record.trailing
    return zigzag(len(body)) + body


def pack(codec: int, data: bytes) -> bytes:
    if codec == GZIP:
        return gzip.compress(data, 6, mtime=0)
    if codec == SNAPPY:
        # In the framing of Java's library, which is the only one that Kafka's broker can read.
        packed = snappy.compress(data)
        return b"\x82SNAPPY\0" + struct.pack(">iii", 1, 1, len(packed)) + packed
    if codec == LZ4:
        return lz4.frame.compress(data, block_linked=False)
    if codec == ZSTD:
        return zstandard.compress(data)
    return data


def unpack(codec: int, data: bytes) -> bytes:
    if codec == GZIP:
        return gzip.decompress(data)
    if codec == SNAPPY:
        if data[:8] == b"\x82SNAPPY\0":
            out, at = b"", 16
            while at < len(data):
                size = struct.unpack_from(">i", data, at)[0]
                out += snappy.uncompress(data[at + 4 : at + 4 + size])
                at += 4 + size
            return out
        return snappy.uncompress(data)
    if codec == LZ4:
        return lz4.frame.decompress(data)
    if codec == ZSTD:
        return zstandard.ZstdDecompressor().decompress(data, max_output_size=1 << 26)
    return data


def split(data: bytes) -> List[bytes]:
    """The whole batches in fetched bytes. A last one may be cut: the server need not know where it ends."""
    batches, at = [], 0
    while at + 12 <= len(data):
        size = 12 + struct.unpack_from(">i", data, at + 8)[0]
        if at + size > len(data):
            break
        batches.append(data[at : at + size])
        at += size
    return batches


def meaning(batch: bytes, masks_time: bool, looks_inside: bool) -> object:
    """What two brokers must agree on: the bytes, or where one of them packed or stamped the batch itself, all
    that is not of its own making."""
    if not (masks_time or looks_inside) or len(batch) < 61:
        return batch.hex()
    attributes = struct.unpack_from(">h", batch, 21)[0]
    header = batch[:8] + batch[12:17] + batch[21:27] + batch[43:61]
    if not masks_time:
        header += batch[27:43]
    records = unpack(attributes & 7, batch[61:])
    if masks_time:
        # Their deltas are to a base that the broker may have chosen.
        records = b"" if attributes & 7 else records
    return header.hex(), records.hex()
