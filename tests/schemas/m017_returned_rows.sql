PRAGMA application_id = 1701015405;
BEGIN TRANSACTION;
CREATE TABLE "_sqlite_migrations" (
   "id" INTEGER PRIMARY KEY,
   "migration_set" TEXT,
   "name" TEXT,
   "applied_at" TEXT
);
INSERT INTO "_sqlite_migrations" VALUES(1,'ecommerce','m001_products_and_customers','2025-01-01T08:00:00.000Z');
INSERT INTO "_sqlite_migrations" VALUES(2,'ecommerce','m002_journal','2025-01-01T08:00:00.000Z');
INSERT INTO "_sqlite_migrations" VALUES(3,'ecommerce','m003_promises','2025-01-01T08:00:00.000Z');
INSERT INTO "_sqlite_migrations" VALUES(4,'ecommerce','m004_search_and_sizes','2025-01-01T08:00:00.000Z');
INSERT INTO "_sqlite_migrations" VALUES(5,'ecommerce','m005_actor','2025-01-01T08:00:00.000Z');
INSERT INTO "_sqlite_migrations" VALUES(6,'ecommerce','m006_order_of_texts','2025-01-01T08:00:00.000Z');
INSERT INTO "_sqlite_migrations" VALUES(7,'ecommerce','m007_refused_not_kept','2025-01-01T08:00:00.000Z');
INSERT INTO "_sqlite_migrations" VALUES(8,'ecommerce','m008_sign_outs','2025-01-01T08:00:00.000Z');
INSERT INTO "_sqlite_migrations" VALUES(9,'ecommerce','m009_readers_read_snapshots','2025-01-01T08:00:00.000Z');
INSERT INTO "_sqlite_migrations" VALUES(10,'ecommerce','m010_fingerprints','2025-01-01T08:00:00.000Z');
INSERT INTO "_sqlite_migrations" VALUES(11,'ecommerce','m011_facts_as_codes','2025-01-01T08:00:00.000Z');
INSERT INTO "_sqlite_migrations" VALUES(12,'ecommerce','m012_outcomes_of_expected_callbacks','2025-01-01T08:00:00.000Z');
INSERT INTO "_sqlite_migrations" VALUES(13,'ecommerce','m013_wanted_tasks','2025-01-01T08:00:00.000Z');
INSERT INTO "_sqlite_migrations" VALUES(14,'ecommerce','m014_alerts','2025-01-01T08:00:00.000Z');
INSERT INTO "_sqlite_migrations" VALUES(15,'ecommerce','m015_audit','2025-01-01T08:00:00.000Z');
INSERT INTO "_sqlite_migrations" VALUES(16,'ecommerce','m016_saved_views','2025-01-01T08:00:00.000Z');
INSERT INTO "_sqlite_migrations" VALUES(17,'ecommerce','m017_returned_rows','2025-01-01T08:00:00.000Z');
CREATE TABLE alert (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            code TEXT NOT NULL,
            subject TEXT NOT NULL,
            since_at TEXT NOT NULL,
            gone_at TEXT,
            ended_at TEXT,
            datasets TEXT NOT NULL,
            details TEXT NOT NULL
        ) STRICT
    ;
INSERT INTO "alert" VALUES(1,'answer_held','products','2025-01-01T08:00:00.000Z',NULL,NULL,'["products"]','{"run": 3}');
CREATE TABLE alert_told (
            service TEXT NOT NULL,
            code TEXT NOT NULL,
            subject TEXT NOT NULL,
            since_at TEXT NOT NULL,
            datasets TEXT NOT NULL,
            details TEXT NOT NULL,
            told_at TEXT NOT NULL,
            PRIMARY KEY (service, code, subject)
        ) STRICT, WITHOUT ROWID
    ;
INSERT INTO "alert_told" VALUES('0123456789abcdef','answer_held','products','2025-01-01T08:00:00.000Z','["products"]','{"run": 3}','2025-01-02T08:00:00.000Z');
CREATE TABLE audit (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            at TEXT NOT NULL,
            action TEXT NOT NULL,
            actor TEXT,
            subject TEXT NOT NULL,
            details TEXT NOT NULL
        ) STRICT
    ;
INSERT INTO "audit" VALUES(1,'2025-01-01T08:00:00.000Z','rows_exported','clerk','products.csv','{"rows": 2}');
CREATE TABLE change (
            run_id INTEGER NOT NULL REFERENCES run(id),
            dataset TEXT NOT NULL,
            key TEXT NOT NULL,
            field TEXT NOT NULL,
            old ANY,
            new ANY,
            PRIMARY KEY (run_id, key, field)
        ) STRICT, WITHOUT ROWID
    ;
INSERT INTO "change" VALUES(2,'products','X1-1','price_cents',40000,50000);
INSERT INTO "change" VALUES(2,'products','X1-2','withdrawn_at',NULL,'2025-01-02T08:00:00.000Z');
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
    , fingerprint INTEGER) STRICT, WITHOUT ROWID;
INSERT INTO "customer" VALUES('7','Zoé','O''Neil',12.5,NULL,'BKN1CST93','2025-01-01T08:00:00.000Z','2025-01-01T08:00:00.000Z','2025-01-02T08:00:00.000Z',NULL);
INSERT INTO "customer" VALUES('a717f9d2-e7c6-11f1-974b-000000000001','Zoé','O''Neil',12.5,NULL,'BKN1CST93','2025-01-01T08:00:00.000Z','2025-01-01T08:00:00.000Z',NULL,NULL);
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
    , fingerprint INTEGER) STRICT, WITHOUT ROWID;
INSERT INTO "customer_cleared" VALUES('8','Zoé','O''Neil',12.5,NULL,'BKN1CST93','2025-01-01T08:00:00.000Z','2025-01-01T08:00:00.000Z',NULL,NULL);
CREATE TABLE dataset_state (
            dataset TEXT PRIMARY KEY NOT NULL,
            source TEXT,
            digest TEXT,
            etag TEXT,
            last_modified TEXT,
            fetched INTEGER NOT NULL DEFAULT 0,
            rejected INTEGER NOT NULL DEFAULT 0,
            cleared TEXT
        ) STRICT
    ;
INSERT INTO "dataset_state" VALUES('products','api/data','ab',NULL,NULL,2,1,NULL);
INSERT INTO "dataset_state" VALUES('customers',NULL,NULL,NULL,NULL,0,0,'{"fetched": 1}');
CREATE TABLE delivery (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            received_at TEXT NOT NULL,
            dataset TEXT NOT NULL,
            outcome TEXT NOT NULL,
            run_id INTEGER REFERENCES run(id),
            simulated_at TEXT,
            task_name TEXT,
            duration_s REAL
        , again_of INTEGER, reason_code TEXT, reason_details TEXT) STRICT
    ;
INSERT INTO "delivery" VALUES(1,'2025-01-01T08:00:00.000Z','products','executed',1,NULL,NULL,0.25,1,NULL,NULL);
CREATE TABLE held (
            dataset TEXT PRIMARY KEY NOT NULL,
            run_id INTEGER NOT NULL REFERENCES run(id),
            body BLOB NOT NULL
        ) STRICT
    ;
INSERT INTO "held" VALUES('products',3,X'780100FF');
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
    , fingerprint INTEGER) STRICT, WITHOUT ROWID;
INSERT INTO "product" VALUES('X1-1','Frigos','Frigos:P1-1 ''été'' 冷',50000,1,0,15,NULL,9223372036854775807,'2025-01-01T08:00:00.000Z','2025-01-02T08:00:00.000Z',NULL,NULL);
INSERT INTO "product" VALUES('X1-2','Frigos','Frigos:P1-1 ''été'' 冷',50000,1,0,15,NULL,9223372036854775807,'2025-01-01T08:00:00.000Z','2025-01-02T08:00:00.000Z','2025-01-02T08:00:00.000Z',NULL);
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
    , fingerprint INTEGER) STRICT, WITHOUT ROWID;
INSERT INTO "product_cleared" VALUES('X1-3','Frigos','Frigos:P1-1 ''été'' 冷',50000,1,0,15,NULL,9223372036854775807,'2025-01-01T08:00:00.000Z','2025-01-02T08:00:00.000Z',NULL,NULL);
CREATE TABLE promise (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            dataset TEXT NOT NULL,
            task_name TEXT NOT NULL,
            source_app TEXT NOT NULL,
            recurrence TEXT NOT NULL,
            simulated_at TEXT NOT NULL,
            simulated_last_at TEXT NOT NULL,
            count INTEGER NOT NULL,
            since_at TEXT NOT NULL,
            noticed_at TEXT NOT NULL,
            speed REAL NOT NULL,
            outcome TEXT NOT NULL,
            delivery_id INTEGER,
            received_at TEXT,
            lateness_s REAL,
            duration_s REAL
        , reason_code TEXT, reason_details TEXT) STRICT
    ;
INSERT INTO "promise" VALUES(1,'products','get_products','e-commerce','hour','2019-01-07T10:00:00','2019-01-07T10:00:00',1,'2025-01-01T08:00:00.000Z','2025-01-02T08:00:00.000Z',50.0,'on_time',1,NULL,NULL,NULL,NULL,NULL);
CREATE TABLE refused_not_kept (
            dataset TEXT PRIMARY KEY NOT NULL,
            count INTEGER NOT NULL
        ) STRICT
    ;
INSERT INTO "refused_not_kept" VALUES('products',1201);
CREATE TABLE rejected (
            run_id INTEGER NOT NULL REFERENCES run(id),
            position INTEGER NOT NULL,
            key TEXT,
            record TEXT NOT NULL, code TEXT NOT NULL DEFAULT 'said', details TEXT NOT NULL DEFAULT '{}',
            PRIMARY KEY (run_id, position)
        ) STRICT, WITHOUT ROWID
    ;
INSERT INTO "rejected" VALUES(2,1,NULL,'{}','missing','{"field":"prix"}');
CREATE TABLE removed (
            journal TEXT PRIMARY KEY NOT NULL,
            up_to INTEGER NOT NULL
        ) STRICT
    ;
INSERT INTO "removed" VALUES('changes',1);
CREATE TABLE run (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            dataset TEXT NOT NULL,
            action TEXT NOT NULL,
            trigger TEXT NOT NULL,
            status TEXT NOT NULL,
            started_at TEXT NOT NULL,
            finished_at TEXT,
            fetched INTEGER NOT NULL DEFAULT 0,
            added INTEGER NOT NULL DEFAULT 0,
            updated INTEGER NOT NULL DEFAULT 0,
            unchanged INTEGER NOT NULL DEFAULT 0,
            withdrawn INTEGER NOT NULL DEFAULT 0,
            rejected INTEGER NOT NULL DEFAULT 0,
            body_bytes INTEGER NOT NULL DEFAULT 0,
            stages_s TEXT NOT NULL DEFAULT '{}',
            simulated_at TEXT,
            task_name TEXT,
            confirms_run_id INTEGER REFERENCES run(id),
            resolution TEXT
        , rows_after INTEGER, actor TEXT, error_code TEXT, error_details TEXT, returned INTEGER NOT NULL DEFAULT 0) STRICT
    ;
INSERT INTO "run" VALUES(1,'products','sync','manual','succeeded','2025-01-01T08:00:00.000Z','2025-01-02T08:00:00.000Z',2,2,0,0,0,0,0,'{}',NULL,NULL,NULL,NULL,2,NULL,NULL,NULL,0);
INSERT INTO "run" VALUES(2,'products','sync','manual','partial','2025-01-01T08:00:00.000Z','2025-01-02T08:00:00.000Z',2,0,1,0,0,1,0,'{}',NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,0);
INSERT INTO "run" VALUES(3,'products','undo_clear','manual','succeeded','2025-01-01T08:00:00.000Z','2025-01-02T08:00:00.000Z',0,0,0,0,0,0,0,'{}',NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,1);
INSERT INTO "run" VALUES(4,'products','sync','manual','held','2025-01-01T08:00:00.000Z','2025-01-02T08:00:00.000Z',0,0,0,0,0,0,0,'{}',NULL,NULL,NULL,NULL,NULL,NULL,'held_would_withdraw','{"withdrawn":21,"current":40}',0);
INSERT INTO "run" VALUES(5,'products','clear','manual','succeeded','2025-01-01T08:00:00.000Z','2025-01-02T08:00:00.000Z',0,0,0,0,1,0,0,'{}',NULL,NULL,NULL,NULL,NULL,'ada',NULL,NULL,0);
INSERT INTO "run" VALUES(6,'products','sync','manual','interrupted','2025-01-01T08:00:00.000Z','2025-01-02T08:00:00.000Z',0,0,0,0,0,0,0,'{}','2020-01-01T00:00:00',NULL,NULL,NULL,NULL,NULL,NULL,NULL,0);
CREATE TABLE saved_view (
            id INTEGER PRIMARY KEY,
            dataset TEXT NOT NULL,
            owner TEXT NOT NULL,
            name TEXT NOT NULL,
            query TEXT NOT NULL,
            saved_at TEXT NOT NULL,
            UNIQUE (dataset, owner, name)
        ) STRICT
    ;
INSERT INTO "saved_view" VALUES(1,'products','clerk','Cheap TVs','family=TV&price=-500','2025-01-01T08:00:00.000Z');
CREATE TABLE sign_out (
            key TEXT PRIMARY KEY NOT NULL,
            until TEXT NOT NULL
        ) STRICT
    ;
INSERT INTO "sign_out" VALUES('abababababababababababababababababababababababababababababababab','2025-01-02T08:00:00.000Z');
CREATE TABLE task_record (
            id INTEGER PRIMARY KEY,
            at TEXT NOT NULL,
            event TEXT NOT NULL,
            dataset TEXT NOT NULL,
            name TEXT NOT NULL,
            recurrence TEXT NOT NULL,
            simulated_at TEXT NOT NULL,
            actor TEXT
        ) STRICT
    ;
INSERT INTO "task_record" VALUES(1,'2025-01-01T08:00:00.000Z','added','products','get_products','hour','2019-01-07T10:00:00','clerk');
CREATE TABLE wanted_task (
            id INTEGER PRIMARY KEY,
            dataset TEXT NOT NULL,
            name TEXT NOT NULL,
            source_app TEXT NOT NULL,
            recurrence TEXT NOT NULL,
            simulated_at TEXT NOT NULL,
            state TEXT NOT NULL,
            since_at TEXT NOT NULL,
            actor TEXT,
            kept_at TEXT
        ) STRICT
    ;
INSERT INTO "wanted_task" VALUES(1,'products','get_products','e-commerce','hour','2019-01-07T10:00:00','listed','2025-01-01T08:00:00.000Z','clerk',NULL);
CREATE TABLE watch (
            id INTEGER PRIMARY KEY CHECK (id = 1),
            state TEXT NOT NULL
        ) STRICT
    ;
INSERT INTO "watch" VALUES(1,'{}');
CREATE UNIQUE INDEX "idx__sqlite_migrations_migration_set_name"
    ON "_sqlite_migrations" ("migration_set", "name");
CREATE INDEX run_dataset ON run (dataset, id);
CREATE INDEX change_key ON change (dataset, key, run_id);
CREATE INDEX run_rows ON run (dataset, id) WHERE rows_after IS NOT NULL;
CREATE INDEX delivery_refused ON delivery (id) WHERE outcome = 'refused';
CREATE INDEX alert_open ON alert (id) WHERE ended_at IS NULL;
CREATE INDEX audit_subject ON audit (action, subject);
DELETE FROM "sqlite_sequence";
INSERT INTO "sqlite_sequence" VALUES('run',6);
INSERT INTO "sqlite_sequence" VALUES('delivery',1);
INSERT INTO "sqlite_sequence" VALUES('promise',1);
INSERT INTO "sqlite_sequence" VALUES('alert',1);
INSERT INTO "sqlite_sequence" VALUES('audit',1);
COMMIT;
