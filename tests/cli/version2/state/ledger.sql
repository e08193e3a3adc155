PRAGMA application_id = 1145653061;
PRAGMA user_version = 2;
BEGIN TRANSACTION;
CREATE TABLE deliveries (
	id INTEGER NOT NULL, 
	edition INTEGER NOT NULL, 
	recipient TEXT NOT NULL, 
	address TEXT, 
	name TEXT NOT NULL, 
	language TEXT NOT NULL, 
	fields TEXT NOT NULL, 
	message_id TEXT NOT NULL, 
	state TEXT NOT NULL, 
	attempts INTEGER DEFAULT 0 NOT NULL, 
	code INTEGER DEFAULT 0 NOT NULL, 
	detail TEXT DEFAULT '' NOT NULL, 
	next_try FLOAT DEFAULT 0 NOT NULL, 
	changed FLOAT DEFAULT 0 NOT NULL, 
	owner TEXT DEFAULT '' NOT NULL, 
	lease FLOAT DEFAULT 0 NOT NULL, 
	PRIMARY KEY (id), 
	FOREIGN KEY(edition) REFERENCES editions (id)
);
INSERT INTO "deliveries" VALUES(1,1,'ann@reader.test',NULL,'Ann','en','{}','<59196cae1290ab189414791e0932a831bc91779b@harbour.test>','sent',1,0,'written to-ann@reader.test-c612242c0dd3f372.eml',0.0,1.79587626839161562924e+09,'',0.0);
INSERT INTO "deliveries" VALUES(2,1,'cid@reader.test',NULL,'Cid','','{}','<726a345d82b982af025631bd2c74a498e0454494@harbour.test>','planned',0,0,'',0.0,1646121600.0,'',0.0);
INSERT INTO "deliveries" VALUES(3,1,'dan@reader.test',NULL,'Dan','en','{}','<4aea1bad5dd8cbaaec96736dd25daa6045ee9f16@harbour.test>','planned',0,0,'',0.0,1646121600.0,'',0.0);
INSERT INTO "deliveries" VALUES(4,1,'left@reader.test',NULL,'Left','en','{}','<bf0be8e0ae1aecb81af24806fe22b3f4ee5a3463@harbour.test>','suppressed',0,0,'manual',0.0,1646121600.0,'',0.0);
CREATE TABLE editions (
	id INTEGER NOT NULL, 
	name TEXT NOT NULL, 
	audience TEXT NOT NULL, 
	content TEXT NOT NULL, 
	standing TEXT NOT NULL, 
	frozen FLOAT NOT NULL, 
	duplicates INTEGER NOT NULL, 
	swept BIGINT NOT NULL, 
	first BIGINT NOT NULL, 
	last BIGINT NOT NULL, 
	PRIMARY KEY (id), 
	UNIQUE (name)
);
INSERT INTO "editions" VALUES(1,'2022-02/everyone/en','everyone','c2b7c3a941f814da3fe7cd20abe623bb0c80c68b9f9568645c2cd68d23057af2','open',1646121600.0,0,1,1,4);
CREATE TABLE meta (
	"key" TEXT NOT NULL, 
	value TEXT NOT NULL, 
	PRIMARY KEY ("key")
);
INSERT INTO "meta" VALUES('newsroom','Harbour Newsroom');
INSERT INTO "meta" VALUES('ledger','824ad453237cdf9c');
INSERT INTO "meta" VALUES('version','2');
INSERT INTO "meta" VALUES('generation','3');
CREATE TABLE places (
	edition INTEGER NOT NULL, 
	recipient TEXT NOT NULL, 
	id INTEGER NOT NULL, 
	PRIMARY KEY (edition, recipient)
)
 WITHOUT ROWID

;
INSERT INTO "places" VALUES(1,'ann@reader.test',1);
INSERT INTO "places" VALUES(1,'cid@reader.test',2);
INSERT INTO "places" VALUES(1,'dan@reader.test',3);
INSERT INTO "places" VALUES(1,'left@reader.test',4);
CREATE TABLE suppressions (
	seq INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	address TEXT NOT NULL, 
	scope TEXT NOT NULL, 
	reason TEXT NOT NULL, 
	detail TEXT NOT NULL, 
	since FLOAT NOT NULL, 
	UNIQUE (address, scope)
);
INSERT INTO "suppressions" VALUES(1,'left@reader.test','everyone','manual','by hand',1795876249.0);
CREATE INDEX deliveries_waiting ON deliveries (edition, next_try, id) WHERE state IN ('planned', 'deferred');
DELETE FROM "sqlite_sequence";
INSERT INTO "sqlite_sequence" VALUES('suppressions',1);
COMMIT;
