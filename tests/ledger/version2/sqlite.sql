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
INSERT INTO "deliveries" VALUES(1,1,'ann@example.org',NULL,'Ann','','{}','','sent',1,250,'',0.0,1001.0,'',0.0);
INSERT INTO "deliveries" VALUES(2,1,'bob@example.org',NULL,'Bob','','{}','','sent',1,250,'',0.0,1001.0,'',0.0);
INSERT INTO "deliveries" VALUES(3,2,'ann@example.org',NULL,'Ann','','{}','<en.ann@example.org>','sent',1,250,'2.0.0 ok',0.0,2004.0,'',0.0);
INSERT INTO "deliveries" VALUES(4,2,'bob@example.org',NULL,'Bob','','{}','<en.bob@example.org>','sending',0,0,'',0.0,2003.0,'m',2902.0);
INSERT INTO "deliveries" VALUES(5,2,'kim@example.org',NULL,'Kim','','{}','<en.kim@example.org>','planned',0,0,'',0.0,2004.0,'',0.0);
INSERT INTO "deliveries" VALUES(6,2,'lea@example.org',NULL,'Lea','','{}','<en.lea@example.org>','planned',0,0,'',0.0,2004.0,'',0.0);
INSERT INTO "deliveries" VALUES(7,2,'left@example.org',NULL,'Left','','{}','<en.left@example.org>','suppressed',0,0,'unsubscribed',0.0,2002.0,'',0.0);
INSERT INTO "deliveries" VALUES(8,3,'kim@example.org',NULL,'Kim','fr','{}','','sent',1,250,'',0.0,2007.0,'',0.0);
INSERT INTO "deliveries" VALUES(9,3,'lea@example.org',NULL,'Lea','fr','{}','','planned',0,0,'',0.0,2005.0,'',0.0);
INSERT INTO "deliveries" VALUES(10,3,'max@example.org',NULL,'Max','fr','{}','','planned',0,0,'',0.0,2005.0,'',0.0);
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
INSERT INTO "editions" VALUES(1,'2022-01/everyone/en','everyone','jan','open',1000.0,0,1,1,2);
INSERT INTO "editions" VALUES(2,'2022-02/everyone/en','everyone','enhash','open',2000.0,0,1,3,7);
INSERT INTO "editions" VALUES(3,'2022-02/everyone/fr','everyone','frhash','open',2005.0,0,1,8,10);
CREATE TABLE meta (
	"key" TEXT NOT NULL, 
	value TEXT NOT NULL, 
	PRIMARY KEY ("key")
);
INSERT INTO "meta" VALUES('newsroom','ILO Newsroom');
INSERT INTO "meta" VALUES('ledger','a57a87a04753d118');
INSERT INTO "meta" VALUES('version','2');
INSERT INTO "meta" VALUES('generation','5');
CREATE TABLE places (
	edition INTEGER NOT NULL, 
	recipient TEXT NOT NULL, 
	id INTEGER NOT NULL, 
	PRIMARY KEY (edition, recipient)
)
 WITHOUT ROWID

;
INSERT INTO "places" VALUES(1,'ann@example.org',1);
INSERT INTO "places" VALUES(1,'bob@example.org',2);
INSERT INTO "places" VALUES(2,'ann@example.org',3);
INSERT INTO "places" VALUES(2,'bob@example.org',4);
INSERT INTO "places" VALUES(2,'kim@example.org',5);
INSERT INTO "places" VALUES(2,'lea@example.org',6);
INSERT INTO "places" VALUES(2,'left@example.org',7);
INSERT INTO "places" VALUES(3,'kim@example.org',8);
INSERT INTO "places" VALUES(3,'lea@example.org',9);
INSERT INTO "places" VALUES(3,'max@example.org',10);
CREATE TABLE suppressions (
	seq INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	address TEXT NOT NULL, 
	scope TEXT NOT NULL, 
	reason TEXT NOT NULL, 
	detail TEXT NOT NULL, 
	since FLOAT NOT NULL, 
	UNIQUE (address, scope)
);
INSERT INTO "suppressions" VALUES(1,'left@example.org','everyone','unsubscribed','by mail',2001.0);
INSERT INTO "suppressions" VALUES(2,'gone@example.org','*','bounced','550 5.1.1',2008.0);
CREATE INDEX deliveries_waiting ON deliveries (edition, next_try, id) WHERE state IN ('planned', 'deferred');
DELETE FROM "sqlite_sequence";
INSERT INTO "sqlite_sequence" VALUES('suppressions',2);
COMMIT;
