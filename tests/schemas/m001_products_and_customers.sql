PRAGMA application_id = 1701015405;
BEGIN TRANSACTION;
CREATE TABLE "_sqlite_migrations" (
   "id" INTEGER PRIMARY KEY,
   "migration_set" TEXT,
   "name" TEXT,
   "applied_at" TEXT
);
INSERT INTO "_sqlite_migrations" VALUES(1,'ecommerce','m001_products_and_customers','2025-01-01T08:00:00.000Z');
CREATE TABLE customer (
        customer_id TEXT PRIMARY KEY NOT NULL,
        first_name TEXT NOT NULL,
        last_name TEXT NOT NULL,
        loyalty_points REAL,
        payment REAL,
        account TEXT NOT NULL,
        first_seen_at TEXT NOT NULL,
        updated_at TEXT NOT NULL,
        withdrawn_at TEXT
    ) STRICT, WITHOUT ROWID;
INSERT INTO "customer" VALUES('7','Zoé','O''Neil',12.5,NULL,'BKN1CST93','2025-01-01T08:00:00.000Z','2025-01-01T08:00:00.000Z','2025-01-02T08:00:00.000Z');
INSERT INTO "customer" VALUES('a717f9d2-e7c6-11f1-974b-000000000001','Zoé','O''Neil',12.5,NULL,'BKN1CST93','2025-01-01T08:00:00.000Z','2025-01-01T08:00:00.000Z',NULL);
CREATE TABLE customer_cleared (
        customer_id TEXT PRIMARY KEY NOT NULL,
        first_name TEXT NOT NULL,
        last_name TEXT NOT NULL,
        loyalty_points REAL,
        payment REAL,
        account TEXT NOT NULL,
        first_seen_at TEXT NOT NULL,
        updated_at TEXT NOT NULL,
        withdrawn_at TEXT
    ) STRICT, WITHOUT ROWID;
INSERT INTO "customer_cleared" VALUES('8','Zoé','O''Neil',12.5,NULL,'BKN1CST93','2025-01-01T08:00:00.000Z','2025-01-01T08:00:00.000Z',NULL);
CREATE TABLE product (
        code TEXT PRIMARY KEY NOT NULL,
        family TEXT NOT NULL,
        description TEXT NOT NULL,
        price_cents INTEGER NOT NULL,
        min_quantity INTEGER NOT NULL DEFAULT 1,
        packaging INTEGER NOT NULL DEFAULT 0,
        catalogue_min_quantity INTEGER,
        catalogue_packaging INTEGER,
        catalogue_id INTEGER,
        first_seen_at TEXT NOT NULL,
        updated_at TEXT NOT NULL,
        withdrawn_at TEXT
    ) STRICT, WITHOUT ROWID;
INSERT INTO "product" VALUES('X1-1','Frigos','Frigos:P1-1 ''été'' 冷',50000,1,0,15,NULL,9223372036854775807,'2025-01-01T08:00:00.000Z','2025-01-02T08:00:00.000Z',NULL);
INSERT INTO "product" VALUES('X1-2','Frigos','Frigos:P1-1 ''été'' 冷',50000,1,0,15,NULL,9223372036854775807,'2025-01-01T08:00:00.000Z','2025-01-02T08:00:00.000Z','2025-01-02T08:00:00.000Z');
CREATE TABLE product_cleared (
        code TEXT PRIMARY KEY NOT NULL,
        family TEXT NOT NULL,
        description TEXT NOT NULL,
        price_cents INTEGER NOT NULL,
        min_quantity INTEGER NOT NULL DEFAULT 1,
        packaging INTEGER NOT NULL DEFAULT 0,
        catalogue_min_quantity INTEGER,
        catalogue_packaging INTEGER,
        catalogue_id INTEGER,
        first_seen_at TEXT NOT NULL,
        updated_at TEXT NOT NULL,
        withdrawn_at TEXT
    ) STRICT, WITHOUT ROWID;
INSERT INTO "product_cleared" VALUES('X1-3','Frigos','Frigos:P1-1 ''été'' 冷',50000,1,0,15,NULL,9223372036854775807,'2025-01-01T08:00:00.000Z','2025-01-02T08:00:00.000Z',NULL);
CREATE UNIQUE INDEX "idx__sqlite_migrations_migration_set_name"
    ON "_sqlite_migrations" ("migration_set", "name");
COMMIT;
