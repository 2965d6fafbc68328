"""Rows turned into others in their places, against plain Python."""

import random
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest

from lakehouse.patches import among, patched

SCHEMA = pa.schema(
    [
        ("store", pa.string()),
        ("product", pa.string()),
        ("units", pa.int64()),
        ("price", pa.decimal128(18, 4)),
        ("status", pa.string()),
        ("is_open", pa.bool_()),
        ("ratio", pa.float64()),
    ]
)
KEY = ("store", "product")


def row(luck: random.Random, store: str, product: str) -> dict[str, Any]:
    return {
        "store": store,
        "product": product,
        "units": luck.choice([None, 1, 2]),
        "price": luck.choice([None, Decimal("1.5000"), Decimal("2.2500")]),
        "status": luck.choice([None, "low", "healthy", "critical"]),
        "is_open": luck.choice([None, True, False]),
        "ratio": luck.choice([None, 0.5, 1.5]),
    }


def table(rows: list[dict[str, Any]], coded: tuple[str, ...] = ()) -> pa.Table:
    made = pa.Table.from_pylist(rows, SCHEMA)
    for name in coded:
        column = made.schema.get_field_index(name)
        made = made.set_column(column, name, made[name].dictionary_encode())
    return made


@pytest.mark.parametrize("seed", range(30))
def test_rows_are_turned_into_others_where_they_are(seed: int) -> None:
    luck = random.Random(seed)
    keys = [(s, f"P{n}") for s in "AB" for n in range(20)]
    held = [row(luck, *key) for key in keys if luck.random() < 0.8]
    chosen = [key for key in keys if luck.random() < luck.choice([0.0, 0.1, 0.9])]
    rows = []
    for key in chosen:
        same = [r for r in held if (r["store"], r["product"]) == key]
        if same and luck.random() < 0.4:
            rows += [same[0]]
        elif luck.random() < 0.8:
            rows += [row(luck, *key)]
    luck.shuffle(rows)
    by_key = {(r["store"], r["product"]): r for r in rows}
    was = {(r["store"], r["product"]): r for r in held}
    wanted = [by_key.get((r["store"], r["product"]), r) for r in held]
    wanted = [r for r in wanted if (r["store"], r["product"]) not in set(chosen) - by_key.keys()]
    keys_table = pa.table(
        {n: pa.array([k[i] for k in chosen], pa.string()) for i, n in enumerate(KEY)}
    )
    half = len(held) // 2
    parts = [table(some, ("store", "product", "status")) for some in (held[:half], held[half:])]
    whole = pa.concat_tables(parts)

    new = table(rows, ("store", "status"))
    patch = patched(whole.select, whole.column_names, keys_table, new, KEY)

    come = [r for r in rows if (r["store"], r["product"]) not in was]
    images = [
        *({**was[k], "_change_type": "delete"} for k in chosen if k in was and k not in by_key),
        *({**r, "_change_type": "insert"} for r in come),
    ]
    for key, now in by_key.items():
        if key in was and was[key] != now:
            images += [{**was[key], "_change_type": "update_preimage"}]
            images += [{**now, "_change_type": "update_postimage"}]
    if patch is None:
        assert images == []
        assert [*map(tuple, map(dict.items, wanted))] == [*map(tuple, map(dict.items, held))]
        return
    names = [n for n in whole.column_names if n in patch.columns or patch.keeps_places]
    assert names == whole.column_names
    found = pa.table({n: patch.columns.get(n, whole[n]) for n in names}).to_pylist()
    assert found[: len(wanted)] == wanted  # in their places; new ones come last
    assert sorted(map(str, found[len(wanted) :])) == sorted(map(str, come))
    assert sorted(map(str, patch.images.to_pylist())) == sorted(map(str, images))
    kinds = [image["_change_type"] for image in images]
    counts = {"insert": patch.inserted, "update_preimage": patch.updated, "delete": patch.deleted}
    assert counts == {kind: kinds.count(kind) for kind in counts}
    assert all(made.type == whole[name].type for name, made in patch.columns.items())
    if patch.keeps_places:  # then only columns that differ are made
        differ = {n for n in SCHEMA.names if [r[n] for r in wanted] != [r[n] for r in held]}
        assert patch.columns.keys() == differ


def test_nothing_is_chosen_where_there_are_no_keys() -> None:
    rows = table([row(random.Random(1), "A", "P1")])
    assert among(rows, rows.select(KEY).slice(0, 0)).tolist() == [False]
    none = rows.slice(0, 0)
    assert patched(rows.select, rows.column_names, none.select(KEY), none, KEY) is None
