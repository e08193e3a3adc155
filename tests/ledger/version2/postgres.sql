CREATE SCHEMA digest;
CREATE TABLE digest.deliveries (
    id bigint NOT NULL,
    edition bigint NOT NULL,
    recipient text NOT NULL,
    address text,
    name text NOT NULL,
    language text NOT NULL,
    fields text NOT NULL,
    message_id text NOT NULL,
    state text NOT NULL,
    attempts integer DEFAULT 0 NOT NULL,
    code integer DEFAULT 0 NOT NULL,
    detail text DEFAULT ''::text NOT NULL,
    next_try double precision DEFAULT 0 NOT NULL,
    changed double precision DEFAULT 0 NOT NULL,
    owner text DEFAULT ''::text NOT NULL,
    lease double precision DEFAULT 0 NOT NULL
);
CREATE SEQUENCE digest.deliveries_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE digest.deliveries_id_seq OWNED BY digest.deliveries.id;
CREATE TABLE digest.editions (
    id bigint NOT NULL,
    name text NOT NULL,
    audience text NOT NULL,
    content text NOT NULL,
    standing text NOT NULL,
    frozen double precision NOT NULL,
    duplicates integer NOT NULL,
    swept bigint NOT NULL,
    first bigint NOT NULL,
    last bigint NOT NULL
);
CREATE SEQUENCE digest.editions_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE digest.editions_id_seq OWNED BY digest.editions.id;
CREATE TABLE digest.meta (
    key text NOT NULL,
    value text NOT NULL
);
CREATE TABLE digest.places (
    edition bigint NOT NULL,
    recipient text NOT NULL,
    id bigint NOT NULL
);
CREATE TABLE digest.suppressions (
    seq bigint NOT NULL,
    address text NOT NULL,
    scope text NOT NULL,
    reason text NOT NULL,
    detail text NOT NULL,
    since double precision NOT NULL
);
CREATE SEQUENCE digest.suppressions_seq_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE digest.suppressions_seq_seq OWNED BY digest.suppressions.seq;
ALTER TABLE ONLY digest.deliveries ALTER COLUMN id SET DEFAULT nextval('digest.deliveries_id_seq'::regclass);
ALTER TABLE ONLY digest.editions ALTER COLUMN id SET DEFAULT nextval('digest.editions_id_seq'::regclass);
ALTER TABLE ONLY digest.suppressions ALTER COLUMN seq SET DEFAULT nextval('digest.suppressions_seq_seq'::regclass);
INSERT INTO digest.deliveries VALUES (1, 1, 'ann@example.org', NULL, 'Ann', '', '{}', '', 'sent', 1, 250, '', 0, 1001, '', 0);
INSERT INTO digest.deliveries VALUES (2, 1, 'bob@example.org', NULL, 'Bob', '', '{}', '', 'sent', 1, 250, '', 0, 1001, '', 0);
INSERT INTO digest.deliveries VALUES (7, 2, 'left@example.org', NULL, 'Left', '', '{}', '<en.left@example.org>', 'suppressed', 0, 0, 'unsubscribed', 0, 2002, '', 0);
INSERT INTO digest.deliveries VALUES (4, 2, 'bob@example.org', NULL, 'Bob', '', '{}', '<en.bob@example.org>', 'sending', 0, 0, '', 0, 2003, 'm', 2902);
INSERT INTO digest.deliveries VALUES (3, 2, 'ann@example.org', NULL, 'Ann', '', '{}', '<en.ann@example.org>', 'sent', 1, 250, '2.0.0 ok', 0, 2004, '', 0);
INSERT INTO digest.deliveries VALUES (5, 2, 'kim@example.org', NULL, 'Kim', '', '{}', '<en.kim@example.org>', 'planned', 0, 0, '', 0, 2004, '', 0);
INSERT INTO digest.deliveries VALUES (6, 2, 'lea@example.org', NULL, 'Lea', '', '{}', '<en.lea@example.org>', 'planned', 0, 0, '', 0, 2004, '', 0);
INSERT INTO digest.deliveries VALUES (9, 3, 'lea@example.org', NULL, 'Lea', 'fr', '{}', '', 'planned', 0, 0, '', 0, 2005, '', 0);
INSERT INTO digest.deliveries VALUES (10, 3, 'max@example.org', NULL, 'Max', 'fr', '{}', '', 'planned', 0, 0, '', 0, 2005, '', 0);
INSERT INTO digest.deliveries VALUES (8, 3, 'kim@example.org', NULL, 'Kim', 'fr', '{}', '', 'sent', 1, 250, '', 0, 2007, '', 0);
INSERT INTO digest.editions VALUES (1, '2022-01/everyone/en', 'everyone', 'jan', 'open', 1000, 0, 1, 1, 2);
INSERT INTO digest.editions VALUES (2, '2022-02/everyone/en', 'everyone', 'enhash', 'open', 2000, 0, 1, 3, 7);
INSERT INTO digest.editions VALUES (3, '2022-02/everyone/fr', 'everyone', 'frhash', 'open', 2005, 0, 1, 8, 10);
INSERT INTO digest.meta VALUES ('newsroom', 'ILO Newsroom');
INSERT INTO digest.meta VALUES ('ledger', '9f8253e3ccacd501');
INSERT INTO digest.meta VALUES ('version', '2');
INSERT INTO digest.meta VALUES ('generation', '0');
INSERT INTO digest.places VALUES (1, 'ann@example.org', 1);
INSERT INTO digest.places VALUES (1, 'bob@example.org', 2);
INSERT INTO digest.places VALUES (2, 'ann@example.org', 3);
INSERT INTO digest.places VALUES (2, 'bob@example.org', 4);
INSERT INTO digest.places VALUES (2, 'kim@example.org', 5);
INSERT INTO digest.places VALUES (2, 'lea@example.org', 6);
INSERT INTO digest.places VALUES (2, 'left@example.org', 7);
INSERT INTO digest.places VALUES (3, 'kim@example.org', 8);
INSERT INTO digest.places VALUES (3, 'lea@example.org', 9);
INSERT INTO digest.places VALUES (3, 'max@example.org', 10);
INSERT INTO digest.suppressions VALUES (1, 'left@example.org', 'everyone', 'unsubscribed', 'by mail', 2001);
INSERT INTO digest.suppressions VALUES (2, 'gone@example.org', '*', 'bounced', '550 5.1.1', 2008);
SELECT pg_catalog.setval('digest.deliveries_id_seq', 10, true);
SELECT pg_catalog.setval('digest.editions_id_seq', 3, true);
SELECT pg_catalog.setval('digest.suppressions_seq_seq', 2, true);
ALTER TABLE ONLY digest.deliveries
    ADD CONSTRAINT deliveries_pkey PRIMARY KEY (id);
ALTER TABLE ONLY digest.editions
    ADD CONSTRAINT editions_name_key UNIQUE (name);
ALTER TABLE ONLY digest.editions
    ADD CONSTRAINT editions_pkey PRIMARY KEY (id);
ALTER TABLE ONLY digest.meta
    ADD CONSTRAINT meta_pkey PRIMARY KEY (key);
ALTER TABLE ONLY digest.places
    ADD CONSTRAINT places_pkey PRIMARY KEY (edition, recipient);
ALTER TABLE ONLY digest.suppressions
    ADD CONSTRAINT suppressions_address_scope_key UNIQUE (address, scope);
ALTER TABLE ONLY digest.suppressions
    ADD CONSTRAINT suppressions_pkey PRIMARY KEY (seq);
CREATE INDEX deliveries_waiting ON digest.deliveries USING btree (edition, next_try, id) WHERE (state = ANY (ARRAY['planned'::text, 'deferred'::text]));
ALTER TABLE ONLY digest.deliveries
    ADD CONSTRAINT deliveries_edition_fkey FOREIGN KEY (edition) REFERENCES digest.editions(id);
