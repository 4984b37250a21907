-- Block rules, history, the journal of events, settings.
CREATE TABLE events (
    seq     INTEGER PRIMARY KEY AUTOINCREMENT, -- never used twice, also after pruning
    id      TEXT    NOT NULL UNIQUE,           -- UUIDv7
    type    TEXT    NOT NULL,
    subject TEXT    NOT NULL,
    time    INTEGER NOT NULL,                  -- ns since 1970, UTC; so are all times
    data    BLOB                               -- JSON
);

CREATE TABLE history (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    event      INTEGER NOT NULL, -- seq of the event of the same transaction
    call_id    TEXT    NOT NULL,
    direction  TEXT    NOT NULL,
    type       TEXT    NOT NULL,
    number     TEXT    NOT NULL, -- canonical
    raw_number TEXT    NOT NULL,
    name       TEXT    NOT NULL,
    account_id TEXT    NOT NULL,
    call_type  TEXT    NOT NULL,
    cause      TEXT    NOT NULL,
    started    INTEGER NOT NULL,
    answered   INTEGER NOT NULL, -- 0: never
    ended      INTEGER NOT NULL,
    ring       INTEGER NOT NULL, -- ns
    talk       INTEGER NOT NULL, -- ns
    sip_code   INTEGER NOT NULL
);
CREATE INDEX history_number ON history (number, id);
CREATE INDEX history_type ON history (type, id);

CREATE TABLE block_rules (
    id      INTEGER PRIMARY KEY AUTOINCREMENT,
    type    TEXT    NOT NULL,
    pattern TEXT    NOT NULL, -- canonical
    raw     TEXT    NOT NULL,
    added   INTEGER NOT NULL,
    by      TEXT    NOT NULL,
    UNIQUE (type, pattern)
);

CREATE TABLE settings (
    key   TEXT PRIMARY KEY,
    value TEXT NOT NULL
) WITHOUT ROWID;
