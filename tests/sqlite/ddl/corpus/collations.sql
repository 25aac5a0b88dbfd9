CREATE TABLE "straße"(größe TEXT COLLATE Über, "ÄÖ" INT CHECK("ÄÖ" > 0), 表 TEXT DEFAULT '表');
CREATE INDEX "maß" ON "straße"(größe COLLATE "Über" DESC, 表);
CREATE VIEW "füße" AS SELECT größe COLLATE Über AS g FROM "straße";
