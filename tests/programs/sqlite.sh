# sqlite: a WAL, a shared mapping of the data base that grows, two processes, 100,000 rows.
sqlite3 data.db <<'END'
PRAGMA journal_mode = WAL;
PRAGMA mmap_size = 268435456;
CREATE TABLE t (a INTEGER PRIMARY KEY, b TEXT);
WITH RECURSIVE c(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c WHERE i < 100000)
	INSERT INTO t SELECT i, hex(i * 7919) FROM c;
CREATE INDEX b ON t (b);
SELECT count(*), sum(length(b)) FROM t;
UPDATE t SET b = b || 'x' WHERE a % 3 = 0;
PRAGMA integrity_check;
PRAGMA wal_checkpoint(TRUNCATE);
SELECT max(b) FROM t;
END
reader='.timeout 10000
PRAGMA mmap_size = 268435456;
SELECT count(*) >= 66667 FROM t;'
(for n in 1 2 3 4 5; do sqlite3 data.db "$reader"; done >read) &
sqlite3 data.db '.timeout 10000' 'PRAGMA mmap_size = 268435456;' 'BEGIN;' \
	'DELETE FROM t WHERE a % 3 = 1;' 'COMMIT;' 'VACUUM;' 'PRAGMA integrity_check;'
wait
sort -u read
sqlite3 data.db 'SELECT count(*) FROM t; PRAGMA page_count; PRAGMA integrity_check;'
ls -C
