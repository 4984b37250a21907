-- What a call out knew of the called one beside the name.
ALTER TABLE history ADD COLUMN person_type TEXT NOT NULL DEFAULT ''; -- of PhoneCall 1.3, empty for none
ALTER TABLE history ADD COLUMN label TEXT NOT NULL DEFAULT '';       -- of the number, likewise
