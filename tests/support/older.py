"""Databases of earlier versions, with the objects that they kept for readers."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from tests.faults.dump_schema import SCHEMAS

# Word for word as they were created from the sixth migration on.
INDEXES = """
CREATE INDEX product_scan ON product (family, code, withdrawn_at, price_cents, search);
CREATE INDEX product_by_withdrawn_at ON product (withdrawn_at, code);
CREATE INDEX product_by_description ON product (substr(search, instr(search, char(10)) + 1) COLLATE NOCASE, code, withdrawn_at, search);
CREATE INDEX product_by_price_cents ON product (price_cents, code, withdrawn_at);
CREATE INDEX product_by_catalogue_min_quantity ON product (catalogue_min_quantity, code, withdrawn_at);
CREATE INDEX product_by_catalogue_packaging ON product (catalogue_packaging, code, withdrawn_at);
CREATE INDEX product_by_catalogue_id ON product (catalogue_id, code, withdrawn_at);
CREATE INDEX product_by_first_seen_at ON product (first_seen_at, code, withdrawn_at);
CREATE INDEX product_by_updated_at ON product (updated_at, code, withdrawn_at);
CREATE INDEX customer_scan ON customer (customer_id, withdrawn_at, loyalty_points, account, search);
CREATE INDEX customer_by_withdrawn_at ON customer (withdrawn_at, customer_id);
CREATE INDEX customer_by_first_name ON customer (substr(substr(search, instr(search, char(10)) + 1), 1, instr(substr(search, instr(search, char(10)) + 1), char(10)) - 1) COLLATE NOCASE, customer_id, withdrawn_at, search);
CREATE INDEX customer_by_last_name ON customer (substr(substr(substr(search, instr(search, char(10)) + 1), instr(substr(search, instr(search, char(10)) + 1), char(10)) + 1), 1, instr(substr(substr(search, instr(search, char(10)) + 1), instr(substr(search, instr(search, char(10)) + 1), char(10)) + 1), char(10)) - 1) COLLATE NOCASE, customer_id, withdrawn_at, search);
CREATE INDEX customer_by_loyalty_points ON customer (loyalty_points, customer_id, withdrawn_at);
CREATE INDEX customer_by_payment ON customer (payment, customer_id, withdrawn_at);
CREATE INDEX customer_by_account ON customer (substr(substr(substr(search, instr(search, char(10)) + 1), instr(substr(search, instr(search, char(10)) + 1), char(10)) + 1), instr(substr(substr(search, instr(search, char(10)) + 1), instr(substr(search, instr(search, char(10)) + 1), char(10)) + 1), char(10)) + 1) COLLATE NOCASE, customer_id, withdrawn_at, search);
CREATE INDEX customer_by_first_seen_at ON customer (first_seen_at, customer_id, withdrawn_at);
CREATE INDEX customer_by_updated_at ON customer (updated_at, customer_id, withdrawn_at);
"""  # noqa: E501
WORDS = """
CREATE TABLE product_word_text (id INTEGER PRIMARY KEY, key TEXT NOT NULL UNIQUE, search TEXT NOT NULL) STRICT;
CREATE VIRTUAL TABLE product_word USING fts5(search, content='product_word_text', content_rowid='id', columnsize=0, tokenize='trigram');
CREATE TABLE product_word_state (version INTEGER NOT NULL, after TEXT);
INSERT INTO product_word_text (key, search) SELECT code, search FROM product;
INSERT INTO product_word (rowid, search) SELECT id, search FROM product_word_text;
INSERT INTO product_word_state VALUES (1, NULL);
"""  # noqa: E501


def make_older(path: Path, *, last: str = "m006_order_of_texts", more: str = "") -> Path:
    """Make a small database with ``last`` as its newest migration."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript((SCHEMAS / f"{last}.sql").read_text("utf-8") + more)
    return path
