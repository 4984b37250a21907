-- Contacts, their numbers, and their changes, so that processes that share the
-- file follow them. A contact has one row in contact_changes: the newest.
CREATE TABLE contacts (
    id        INTEGER PRIMARY KEY AUTOINCREMENT,
    token     TEXT    NOT NULL UNIQUE CHECK (token <> ''),
    name      TEXT    NOT NULL,
    image_url TEXT    NOT NULL,
    category  TEXT    NOT NULL,
    road      TEXT    NOT NULL,
    jibun     TEXT    NOT NULL,
    opens     TEXT    NOT NULL,
    closes    TEXT    NOT NULL,
    info      TEXT    NOT NULL, -- of business hours
    poi       TEXT    NOT NULL,
    updated   INTEGER NOT NULL
);

CREATE TABLE contact_numbers (
    contact INTEGER NOT NULL REFERENCES contacts (id) ON DELETE CASCADE,
    place   INTEGER NOT NULL, -- 0, 1, 2...
    label   TEXT    NOT NULL, -- of PhoneCall 1.3, empty for none
    text    TEXT    NOT NULL, -- the user's own label
    number  TEXT    NOT NULL, -- as given
    PRIMARY KEY (contact, place)
) WITHOUT ROWID;

CREATE TABLE contact_changes (
    change  INTEGER PRIMARY KEY AUTOINCREMENT,
    contact INTEGER NOT NULL UNIQUE
);
CREATE TRIGGER contact_added AFTER INSERT ON contacts
BEGIN
    DELETE FROM contact_changes WHERE contact = new.id;
    INSERT INTO contact_changes (contact) VALUES (new.id);
END;
CREATE TRIGGER contact_updated AFTER UPDATE ON contacts
BEGIN
    DELETE FROM contact_changes WHERE contact = new.id;
    INSERT INTO contact_changes (contact) VALUES (new.id);
END;
CREATE TRIGGER contact_removed AFTER DELETE ON contacts
BEGIN
    DELETE FROM contact_changes WHERE contact = old.id;
    INSERT INTO contact_changes (contact) VALUES (old.id);
END;
