-- Calls under way, so that those a crash left open can be ended; and the
-- changes of block rules, so that processes that share the file follow them.
CREATE TABLE open_calls (
    call_id TEXT    PRIMARY KEY,
    subject TEXT    NOT NULL,
    owner   TEXT    NOT NULL, -- the process that has the call
    event   INTEGER NOT NULL, -- seq of the newest event with a row
    row     BLOB    NOT NULL  -- JSON of the history row so far
) WITHOUT ROWID;
CREATE INDEX events_subject ON events (subject, seq);

CREATE TABLE block_changes (
    change INTEGER PRIMARY KEY AUTOINCREMENT,
    rule   INTEGER NOT NULL
);
INSERT INTO block_changes (rule) SELECT id FROM block_rules ORDER BY id;
CREATE TRIGGER block_added AFTER INSERT ON block_rules
BEGIN
    INSERT INTO block_changes (rule) VALUES (new.id);
END;
CREATE TRIGGER block_removed AFTER DELETE ON block_rules
BEGIN
    INSERT INTO block_changes (rule) VALUES (old.id);
END;
