CREATE TABLE `user` (`id` INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL, `lower_name` TEXT NOT NULL, `name` TEXT NOT NULL, `email` TEXT NOT NULL, `keep_email_private` INTEGER NULL, `passwd_hash_algo` TEXT DEFAULT 'argon2' NOT NULL, `must_change_password` INTEGER DEFAULT 0 NOT NULL, `created_unix` INTEGER NULL, `max_repo_creation` INTEGER DEFAULT -1 NOT NULL, `theme` TEXT DEFAULT '' NOT NULL);
CREATE UNIQUE INDEX `UQE_user_name` ON `user` (`name`);
CREATE INDEX `IDX_user_created_unix` ON `user` (`created_unix`);
CREATE TABLE `org` (
`id` INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL
, `version` INTEGER NOT NULL
, `name` TEXT NOT NULL
, `address1` TEXT NULL
, `created` DATETIME NOT NULL
);
CREATE TABLE "dashboard" (
`id` INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL
, `version` INTEGER NOT NULL
, `slug` TEXT NOT NULL
, `data` TEXT NOT NULL
, `org_id` INTEGER NOT NULL
, `created` DATETIME NOT NULL
, `updated_by` INTEGER NULL, `gnet_id` INTEGER NULL, `is_folder` INTEGER NOT NULL DEFAULT 0, `has_acl` INTEGER NOT NULL DEFAULT 0, `uid` TEXT NULL);
CREATE TABLE __diesel_schema_migrations (version VARCHAR(50) PRIMARY KEY NOT NULL,run_on TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP);
CREATE TABLE "users" (
  uuid                TEXT     NOT NULL PRIMARY KEY,
  created_at          DATETIME NOT NULL,
  email               TEXT     NOT NULL UNIQUE,
  password_hash       BLOB     NOT NULL,
  password_iterations INTEGER  NOT NULL,
  equivalent_domains  TEXT     NOT NULL
, client_kdf_type INTEGER NOT NULL DEFAULT 0 -- PBKDF2
, client_kdf_iter INTEGER NOT NULL DEFAULT 100000, enabled BOOLEAN NOT NULL DEFAULT 1);
CREATE TABLE ciphers_collections (
  cipher_uuid     TEXT NOT NULL REFERENCES ciphers (uuid),
  collection_uuid TEXT NOT NULL REFERENCES collections (uuid),
  PRIMARY KEY (cipher_uuid, collection_uuid)
);
CREATE TABLE event_json( event_id TEXT NOT NULL, room_id TEXT NOT NULL, internal_metadata TEXT NOT NULL, json TEXT NOT NULL, format_version INTEGER, UNIQUE (event_id) );
CREATE TABLE presence_list( user_id TEXT NOT NULL, observed_user_id TEXT NOT NULL, accepted BOOLEAN NOT NULL, UNIQUE (user_id, observed_user_id) );
CREATE TABLE application_services_state( as_id TEXT PRIMARY KEY, state VARCHAR(5), last_txn INTEGER , read_receipt_stream_id BIGINT);
CREATE TABLE device_lists_changes_in_room ( user_id TEXT NOT NULL, device_id TEXT NOT NULL, stream_id BIGINT NOT NULL, converted_to_destinations BOOLEAN NOT NULL, instance_name TEXT, CHECK (stream_id > 0) );
CREATE TABLE oc_filecache (fileid INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL, storage INTEGER DEFAULT 0 NOT NULL, path VARCHAR(4000) DEFAULT NULL COLLATE "BINARY", path_hash VARCHAR(32) DEFAULT '' NOT NULL, size BIGINT DEFAULT 0 NOT NULL, etag VARCHAR(40) DEFAULT NULL);
CREATE TABLE oc_appconfig (appid VARCHAR(32) DEFAULT '' NOT NULL, configkey VARCHAR(64) DEFAULT '' NOT NULL, configvalue CLOB DEFAULT NULL --LOB
, type INTEGER UNSIGNED DEFAULT 2 NOT NULL, lazy SMALLINT UNSIGNED DEFAULT 0 NOT NULL, PRIMARY KEY(appid, configkey));
CREATE TABLE wp_posts (
	ID integer NOT NULL PRIMARY KEY AUTOINCREMENT,
	post_author integer NOT NULL DEFAULT 0,
	post_date text NOT NULL DEFAULT '0000-00-00 00:00:00' COLLATE NOCASE,
	post_content text NOT NULL COLLATE NOCASE
);
CREATE TABLE migrations ("id" integer primary key autoincrement not null, "migration" varchar not null, "batch" integer not null);
CREATE TABLE "jobs" ("id" integer primary key autoincrement not null, "queue" varchar not null, "payload" text not null, "attempts" integer not null, "status" varchar check ("status" in ('open', 'done, really', 'it''s')) not null default 'open');
CREATE TABLE goose_db_version (
		id INTEGER PRIMARY KEY AUTOINCREMENT,
		version_id INTEGER NOT NULL,
		is_applied INTEGER NOT NULL,
		tstamp TIMESTAMP DEFAULT (datetime('now'))
	);
CREATE TABLE "nodes" (`id` integer,`user_id` integer,`machine_key` text,`expiry` datetime,`created_at` datetime,`forced_tags` text,PRIMARY KEY (`id`),CONSTRAINT `fk_nodes_user` FOREIGN KEY (`user_id`) REFERENCES `user`(`id`) ON DELETE CASCADE ON UPDATE NO ACTION, CONSTRAINT uni_key UNIQUE(machine_key));
CREATE TABLE "pocketbase_records" (`created` TEXT DEFAULT (strftime('%Y-%m-%d %H:%M:%fZ')) NOT NULL, `id` TEXT PRIMARY KEY DEFAULT ('r'||lower(hex(randomblob(7)))) NOT NULL, `tags` JSON DEFAULT '[]' NOT NULL, `verified` BOOLEAN DEFAULT FALSE NOT NULL, `n` NUMERIC DEFAULT 0 NOT NULL);
CREATE UNIQUE INDEX `idx_email` ON `pocketbase_records` (`tags`) WHERE `tags` != '' AND `n` > -1;
CREATE TABLE torrents (hash TEXT NOT NULL, name TEXT, PRIMARY KEY(hash) ON CONFLICT REPLACE);
CREATE TABLE rrd (ts INTEGER NOT NULL, value REAL, PRIMARY KEY (ts DESC)) WITHOUT ROWID;
CREATE TABLE main(key TEXT PRIMARY KEY ON CONFLICT REPLACE, value BLOB NOT NULL);
CREATE INDEX idx_config ON oc_appconfig (appid, configkey, "lazy");
