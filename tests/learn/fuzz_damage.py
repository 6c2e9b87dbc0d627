"""Damage to tables, JSON, tensors and bytes, drawn from a seeded generator: what the fuzzers share."""

import io
import json
import random
from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from safetensors.numpy import load, save

VALUES: list[Any] = [
    None, True, -1, 0, 3, 2**31, 2**63, 1e308, -0.5, "", "x", "\x1b[31m", "../../x", [], [None], [[1]], {},
    {"a": {"b": []}}, float("nan"), float("inf"), "9999-12-31T23:59:59", "[" * 50,
]  # fmt: skip


def odd_columns(rng: random.Random, n: int) -> pa.Array:
    """A column of n values that no schema of ours has, or that no verb expects in it."""
    kinds: list[Callable[[], pa.Array]] = [
        lambda: pa.nulls(n),
        lambda: pa.array([float("nan")] * n),
        lambda: pa.array([float("inf")] * n),
        lambda: pa.array([1e300] * n),
        lambda: pa.array([-5] * n),
        lambda: pa.array([2**62] * n),
        lambda: pa.array(["many"] * n),
        lambda: pa.array([""] * n),
        lambda: pa.array(["7"] * n),
        lambda: pa.array(["same"] * n),
        lambda: pa.array([b"\xff\xfe"] * n),
        lambda: pa.array([[1.0, 2.0]] * n),
        lambda: pa.array([[]] * n, pa.list_(pa.float32())),
        lambda: pa.array([[None]] * n, pa.list_(pa.float32())),
        lambda: pa.array([[float("nan")] * 12] * n, pa.list_(pa.float32())),
        lambda: pa.array([[1e39] * 12] * n, pa.list_(pa.float64())),
        lambda: pa.array([[0.0] * rng.randint(1, 13) for _ in range(n)], pa.list_(pa.float32())),
        lambda: pa.array([[["a"]]] * n),
        lambda: pa.array([{"a": 1}] * n),
        lambda: pa.array([2**62] * n, pa.timestamp("us", tz="UTC")),
        lambda: pa.array([-(2**62)] * n, pa.timestamp("us", tz="UTC")),
        lambda: pa.array([0] * n, pa.timestamp("s")),
        lambda: pa.array(["ok", None] * (n // 2) + ["ok"] * (n % 2)),
        lambda: pa.array(["a" * 100_000] * n),
    ]
    return rng.choice(kinds)()


def damage_table(rng: random.Random, data: bytes) -> bytes:
    table = pq.read_table(io.BytesIO(data)).replace_schema_metadata()
    for _ in range(rng.randint(1, 2)):
        name = rng.choice(table.column_names)
        at = table.column_names.index(name)
        kind = rng.randrange(6)
        if kind == 0:
            table = table.drop_columns([name])
        elif kind == 1:
            table = table.rename_columns([n if n != name else f"{n}_x" for n in table.column_names])
        elif kind == 2:
            table = pa.concat_tables([table, table.slice(0, rng.randint(1, 5))])
        elif kind == 3:
            table = table.slice(0, rng.choice([0, 1, 3, 25]))
        elif kind == 4:  # one value of the column alone
            try:
                odd = odd_columns(rng, 1).to_pylist()[0]
                values = table[name].to_pylist()
                if values:
                    values[rng.randrange(len(values))] = odd
                table = table.set_column(at, name, pa.array(values))
            except (pa.ArrowException, OverflowError, TypeError, ValueError):
                table = table.set_column(at, name, odd_columns(rng, len(table)))
        else:
            table = table.set_column(at, name, odd_columns(rng, len(table)))
        if not table.column_names:
            break
    sink = io.BytesIO()
    pq.write_table(table, sink)
    return sink.getvalue()


def damage_json(rng: random.Random, data: bytes) -> bytes:
    whole = json.loads(data)
    holders: list[tuple[Any, Any]] = [({"": whole}, "")]
    waiting = [whole]
    while waiting:
        one = waiting.pop()
        pairs = one.items() if isinstance(one, dict) else enumerate(one) if isinstance(one, list) else ()
        for key, value in pairs:
            holders.append((one, key))
            waiting.append(value)
    holder, key = rng.choice(holders)
    if key == "":
        return json.dumps(rng.choice(VALUES)).encode()
    if rng.random() < 0.3:
        del holder[key]
    else:
        holder[key] = rng.choice(VALUES)
    return json.dumps(whole).encode()


def damage_bytes(rng: random.Random, data: bytes) -> bytes:
    raw = bytearray(data)
    for _ in range(rng.randint(1, 8)):
        if raw:
            raw[rng.randrange(len(raw))] = rng.randrange(256)
    return bytes(raw)


def damage_tensors(rng: random.Random, data: bytes) -> bytes:
    """Safetensors whose arrays have other shapes, types, values or names."""
    tensors = dict(load(data))
    name = rng.choice(sorted(tensors))
    value = tensors[name]
    kinds: list[Callable[[], np.ndarray]] = [
        lambda: value.astype(rng.choice([np.float64, np.float16, np.int64, np.bool_])),
        lambda: value[:0],
        lambda: np.concatenate([value, value]),
        lambda: value[..., None],
        lambda: np.ascontiguousarray(value.T),
        lambda: np.full_like(value, rng.choice([0, 1, -1, 100])),
        lambda: (value * 1e30).astype(value.dtype),
        lambda: np.zeros((), np.float32),
        lambda: np.zeros((1, 100_000), np.float32),
    ]
    kind = rng.randrange(len(kinds) + 2)
    if kind == len(kinds):
        del tensors[name]
    elif kind == len(kinds) + 1:
        tensors[f"{name}_x"] = tensors.pop(name)
    else:
        with np.errstate(all="ignore"):
            tensors[name] = kinds[kind]()
    return save({key: np.ascontiguousarray(one) for key, one in tensors.items()})
