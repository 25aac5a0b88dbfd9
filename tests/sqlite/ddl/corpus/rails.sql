CREATE TABLE "schema_migrations" ("version" varchar NOT NULL PRIMARY KEY);
CREATE TABLE "ar_internal_metadata" ("key" varchar NOT NULL PRIMARY KEY, "value" varchar, "created_at" datetime(6) NOT NULL, "updated_at" datetime(6) NOT NULL);
CREATE TABLE "active_storage_blobs" ("id" integer PRIMARY KEY AUTOINCREMENT NOT NULL, "key" varchar NOT NULL, "filename" varchar NOT NULL, "content_type" varchar, "metadata" text, "service_name" varchar NOT NULL, "byte_size" bigint NOT NULL, "checksum" varchar, "created_at" datetime(6) NOT NULL);
CREATE TABLE "active_storage_attachments" ("id" integer PRIMARY KEY AUTOINCREMENT NOT NULL, "name" varchar NOT NULL, "record_type" varchar NOT NULL, "record_id" bigint NOT NULL, "blob_id" bigint NOT NULL, CONSTRAINT "fk_rails_c3b3935057"
FOREIGN KEY ("blob_id")
  REFERENCES "active_storage_blobs" ("id")
);
CREATE TABLE "accounts" ("id" integer PRIMARY KEY AUTOINCREMENT NOT NULL, "username" varchar DEFAULT '' NOT NULL, "domain" varchar, "locked" boolean DEFAULT 0 NOT NULL, "memorial" boolean DEFAULT FALSE NOT NULL, "fields" json, "note" text DEFAULT '' NOT NULL, "also_known_as" varchar, "silenced_at" datetime, CONSTRAINT chk_name CHECK (length(username) <= 30));
CREATE TABLE "statuses" ("id" integer PRIMARY KEY AUTOINCREMENT NOT NULL, "text" text DEFAULT '' NOT NULL, "account_id" bigint NOT NULL, "in_reply_to_id" bigint, "visibility" integer DEFAULT 0 NOT NULL, "score" decimal(10,2) DEFAULT 0.0, CONSTRAINT "fk_rails_9bda1543f7" FOREIGN KEY ("account_id") REFERENCES "accounts" ("id") ON DELETE CASCADE, CONSTRAINT "fk_rails_94a6f70399" FOREIGN KEY ("in_reply_to_id") REFERENCES "statuses" ("id") ON DELETE SET NULL);
CREATE TABLE "solid_queue_jobs" ("id" integer PRIMARY KEY AUTOINCREMENT NOT NULL, "queue_name" varchar NOT NULL, "priority" integer DEFAULT 0 NOT NULL, "finished_at" datetime(6), "created_at" datetime(6) DEFAULT CURRENT_TIMESTAMP NOT NULL);
CREATE UNIQUE INDEX "index_accounts_on_username_and_domain" ON "accounts" ("username", "domain");
CREATE UNIQUE INDEX "index_accounts_lower" ON "accounts" (lower("username"), lower(domain)) WHERE "domain" IS NOT NULL;
CREATE INDEX "index_statuses_20190820" ON "statuses" ("account_id", "id" DESC, "visibility");
