"""Kafka's protocol raw: requests and responses as dictionaries, by the tables of crates/kafka-wire.

Nothing is checked on the way out, so that a request can be wrong on purpose.
"""

from __future__ import annotations

import dataclasses
import pathlib
import re
import socket
import struct
import uuid
from typing import Any, Dict, List, Optional, Tuple

TABLES = pathlib.Path(__file__).resolve().parent.parent / "crates" / "kafka-wire" / "tables"
NO_UUID = uuid.UUID(int=0)
FIXED = {"i8": ">b", "i16": ">h", "i32": ">i", "i64": ">q", "u16": ">H", "u32": ">I", "f64": ">d", "error": ">h"}


def versions(text: str) -> Tuple[int, int]:
    if text.endswith("+"):
        return int(text[:-1]), 32767
    first, _, last = text.partition("-")
    return int(first), int(last or first)


@dataclasses.dataclass
class Field:
    name: str
    kind: str
    since: int
    until: int
    null: Tuple[int, int] = (1, 0)
    tag: Optional[int] = None
    default: Optional[str] = None
    fields: List["Field"] = dataclasses.field(default_factory=list)

    @property
    def item(self) -> str:
        return self.kind.removeprefix("[]")

    def initial(self) -> Any:
        """What a field is that a request does not name."""
        if self.default == "null":
            return None
        if self.kind.startswith("[]"):
            return []
        if self.kind in FIXED:
            return int(self.default or 0)
        if self.kind == "bool":
            return self.default == "true"
        if self.kind == "string":
            return self.default or ""
        if self.kind == "uuid":
            return NO_UUID
        if self.kind in ("bytes", "records"):
            return None
        return {}


class Api:
    """One API by its table."""

    def __init__(self, name: str) -> None:
        self.flexible = 32767
        self.request: List[Field] = []
        self.response: List[Field] = []
        stack: List[List[Field]] = []
        text = (TABLES / f"{name}.table").read_text()
        # What is declared once and used under several names, perhaps before.
        structs: Dict[str, List[Field]] = {name: [] for name in re.findall(r"^struct (\S+)", text, re.M)}
        for line in text.splitlines():
            line = line.split("#")[0].rstrip()
            words = line.split()
            if not words:
                continue
            if words[0] == "api":
                self.key = int(words[1])
            elif words[0] == "versions":
                self.versions = versions(words[1])
            elif words[0] == "flexible":
                self.flexible = versions(words[1])[0] if words[1] != "none" else 32767
            elif line in ("request", "response"):
                stack = [self.request if line == "request" else self.response]
            elif words[0] == "struct" and not line.startswith(" "):
                stack = [structs[words[1]]]
            else:
                depth = (len(line) - len(line.lstrip())) // 2
                field = field_of(words)
                field.fields = structs.get(field.item, field.fields)
                stack = stack[:depth]
                stack[-1].append(field)
                stack.append(field.fields)


def field_of(words: List[str]) -> Field:
    since, until = versions(words[2])
    field = Field(words[0], words[1], since, until)
    rest = " ".join(words[3:])
    if found := re.search(r"null (\S+)", rest):
        field.null = versions(found[1])
    if found := re.search(r"tag (\d+)", rest):
        field.tag = int(found[1])
    if found := re.search(r"= (\S+)", rest):
        field.default = found[1]
    return field


def varint(number: int) -> bytes:
    out = bytearray()
    while number > 127:
        out.append(number & 127 | 128)
        number >>= 7
    out.append(number)
    return bytes(out)


def encode(fields: List[Field], values: Dict[str, Any], version: int, flexible: bool) -> bytes:
    out = bytearray()
    tagged: Dict[int, bytes] = {}
    for field in fields:
        if not field.since <= version <= field.until:
            continue
        value = values.get(field.name, field.initial())
        if field.tag is None:
            out += encode_value(field, field.kind, value, version, flexible)
        elif value != field.initial():
            tagged[field.tag] = encode_value(field, field.kind, value, version, flexible)
    if flexible:
        tagged.update(values.get("_tags", {}))
        out += varint(len(tagged))
        for tag, data in sorted(tagged.items()):
            out += varint(tag) + varint(len(data)) + data
    return bytes(out)


def encode_value(field: Field, kind: str, value: Any, version: int, flexible: bool) -> bytes:
    if kind in FIXED:
        return struct.pack(FIXED[kind], value)
    if kind == "bool":
        return bytes([value])
    if kind == "uuid":
        return value.bytes
    if kind.startswith("[]"):
        length = varint(0 if value is None else len(value) + 1) if flexible else struct.pack(
            ">i", -1 if value is None else len(value)
        )
        return length + b"".join(encode_value(field, kind[2:], item, version, flexible) for item in value or [])
    if kind in ("string", "bytes", "records"):
        data = value.encode() if isinstance(value, str) else value
        if flexible:
            return varint(0) if data is None else varint(len(data) + 1) + data
        width = ">h" if kind == "string" else ">i"
        return struct.pack(width, -1) if data is None else struct.pack(width, len(data)) + data
    return encode(field.fields, value, version, flexible)


class Reader:
    def __init__(self, data: bytes) -> None:
        self.data, self.at = data, 0

    def take(self, count: int) -> bytes:
        if count < 0 or self.at + count > len(self.data):
            raise ValueError("the response is too short")
        self.at += count
        return self.data[self.at - count : self.at]

    def varint(self) -> int:
        number = shift = 0
        while True:
            byte = self.take(1)[0]
            number |= (byte & 127) << shift
            if byte < 128:
                return number
            shift += 7

    def fields(self, fields: List[Field], version: int, flexible: bool) -> Dict[str, Any]:
        values: Dict[str, Any] = {}
        for field in fields:
            if field.since <= version <= field.until:
                values[field.name] = (
                    self.value(field, field.kind, version, flexible) if field.tag is None else field.initial()
                )
        if flexible:
            known = {field.tag: field for field in fields if field.tag is not None}
            for _ in range(self.varint()):
                tag, length = self.varint(), self.varint()
                end = self.at + length
                if tag in known:
                    values[known[tag].name] = self.value(known[tag], known[tag].kind, version, flexible)
                self.at = end
        return values

    def value(self, field: Field, kind: str, version: int, flexible: bool) -> Any:
        if kind in FIXED:
            return struct.unpack(FIXED[kind], self.take(struct.calcsize(FIXED[kind])))[0]
        if kind == "bool":
            return self.take(1) != b"\0"
        if kind == "uuid":
            return uuid.UUID(bytes=self.take(16))
        if kind.startswith("[]"):
            count = self.varint() - 1 if flexible else struct.unpack(">i", self.take(4))[0]
            return None if count < 0 else [self.value(field, kind[2:], version, flexible) for _ in range(count)]
        if kind in ("string", "bytes", "records"):
            if flexible:
                length = self.varint() - 1
            else:
                width = ">h" if kind == "string" else ">i"
                length = struct.unpack(width, self.take(struct.calcsize(width)))[0]
            if length < 0:
                return None
            data = self.take(length)
            return data.decode() if kind == "string" else data
        return self.fields(field.fields, version, flexible)


class Closed(Exception):
    """The server closed the connection."""


class Connection:
    """One connection to a broker; it connects again after it was closed."""

    def __init__(self, address: str, timeout: float = 30.0) -> None:
        host, port = address.rsplit(":", 1)
        self.address, self.timeout = (host, int(port)), timeout
        self.socket: Optional[socket.socket] = None
        self.correlation = 0

    def send(self, api: Api, version: int, body: bytes) -> int:
        """Sends a request; returns its correlation id."""
        if self.socket is None:
            self.socket = socket.create_connection(self.address, self.timeout)
        self.correlation += 1
        header = struct.pack(">hhi", api.key, version, self.correlation) + struct.pack(">h", 4) + b"diff"
        if version >= api.flexible:
            header += b"\0"
        frame = header + body
        try:
            self.socket.sendall(struct.pack(">i", len(frame)) + frame)
        except OSError:
            self.close()
            raise Closed from None
        return self.correlation

    def receive(self, api: Api, version: int) -> Dict[str, Any]:
        """The next response."""
        size = struct.unpack(">i", self.exactly(4))[0]
        reader = Reader(self.exactly(size))
        correlation = struct.unpack(">i", reader.take(4))[0]
        if correlation != self.correlation:
            raise ValueError(f"response {correlation} to request {self.correlation}")
        flexible = version >= api.flexible
        if flexible and api.key != 18:
            assert reader.take(1) == b"\0", "tags in a response header"
        values = reader.fields(api.response, version, flexible)
        if reader.at != size:
            raise ValueError(f"{size - reader.at} bytes behind a response")
        return values

    def call(self, api: Api, version: int, values: Dict[str, Any]) -> Dict[str, Any]:
        return self.call_raw(api, version, encode(api.request, values, version, version >= api.flexible))

    def call_raw(self, api: Api, version: int, body: bytes) -> Dict[str, Any]:
        self.send(api, version, body)
        return self.receive(api, version)

    def exactly(self, count: int) -> bytes:
        data = b""
        while len(data) < count:
            assert self.socket is not None
            try:
                more = self.socket.recv(count - len(data))
            except ConnectionError:
                more = b""
            if not more:
                self.close()
                raise Closed
            data += more
        return data

    def close(self) -> None:
        if self.socket is not None:
            self.socket.close()
            self.socket = None
