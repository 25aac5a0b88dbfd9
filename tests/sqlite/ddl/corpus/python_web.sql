CREATE TABLE alembic_version (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);
CREATE TABLE user (
	id INTEGER NOT NULL, 
	username VARCHAR(80) NOT NULL, 
	email VARCHAR(120), password_hash VARCHAR(128), about_me VARCHAR(140), last_seen DATETIME, 
	PRIMARY KEY (id), 
	UNIQUE (username)
);
CREATE TABLE post (
	id INTEGER NOT NULL, 
	body VARCHAR(140), 
	timestamp DATETIME DEFAULT (CURRENT_TIMESTAMP) NOT NULL, 
	user_id INTEGER, 
	CONSTRAINT pk_post PRIMARY KEY (id), 
	CONSTRAINT fk_post_user_id_user FOREIGN KEY(user_id) REFERENCES user (id) ON DELETE CASCADE
);
CREATE TABLE followers (
	follower_id INTEGER, 
	followed_id INTEGER, 
	FOREIGN KEY(follower_id) REFERENCES user (id), 
	FOREIGN KEY(followed_id) REFERENCES user (id)
);
CREATE TABLE "order" (
	id INTEGER NOT NULL, 
	"group" VARCHAR(20) DEFAULT 'x' NOT NULL, 
	status VARCHAR(8) NOT NULL, 
	paid BOOLEAN DEFAULT '0' NOT NULL, 
	total NUMERIC(10, 2), 
	PRIMARY KEY (id), 
	CONSTRAINT ck_order_status CHECK (status IN ('new', 'shipped')), 
	CONSTRAINT ck_order_paid CHECK (paid IN (0, 1))
);
CREATE TABLE "_alembic_tmp_thing" (
	id INTEGER NOT NULL, 
	name VARCHAR, 
	PRIMARY KEY (id)
);
CREATE TABLE ab_permission (
	id INTEGER NOT NULL, 
	name VARCHAR(100) NOT NULL, 
	CONSTRAINT pk_ab_permission PRIMARY KEY (id), 
	CONSTRAINT uq_ab_permission_name UNIQUE (name)
);
CREATE TABLE dag_run (
	id INTEGER NOT NULL, 
	dag_id VARCHAR(250) NOT NULL, 
	execution_date TIMESTAMP NOT NULL, 
	state VARCHAR(50), 
	conf BLOB, 
	clear_number INTEGER DEFAULT '0' NOT NULL, 
	CONSTRAINT dag_run_pkey PRIMARY KEY (id), 
	CONSTRAINT dag_run_dag_id_run_id_key UNIQUE (dag_id, execution_date), 
	CONSTRAINT task_fkey FOREIGN KEY(dag_id) REFERENCES dag (dag_id) ON DELETE SET NULL ON UPDATE CASCADE DEFERRABLE INITIALLY DEFERRED
);
CREATE INDEX ix_post_timestamp ON post (timestamp);
CREATE UNIQUE INDEX ix_user_email ON user (email);
CREATE INDEX idx_dag_run_running ON dag_run (state, dag_id) WHERE state='running';
CREATE TABLE "repos" (
   [id] INTEGER PRIMARY KEY,
   [node_id] TEXT,
   [name] TEXT,
   [owner] INTEGER REFERENCES [users]([id]),
   [private] INTEGER,
   [size] INTEGER DEFAULT 0
, [topics] TEXT, [license] TEXT REFERENCES [licenses]([key]));
CREATE TABLE [dogs] ([id] INTEGER PRIMARY KEY, [name] TEXT NOT NULL DEFAULT 'O''Brien', [weight float] FLOAT);
CREATE TABLE _internal_tables (database_name TEXT, table_name TEXT, rootpage INTEGER, sql TEXT, PRIMARY KEY (database_name, table_name));
CREATE INDEX [idx_repos_owner]
    ON [repos] ([owner]);
CREATE TABLE "task" ("id" INTEGER NOT NULL PRIMARY KEY, "name" VARCHAR(255) NOT NULL, "due" DATETIME, "parent_id" INTEGER, FOREIGN KEY ("parent_id") REFERENCES "task" ("id") ON DELETE CASCADE);
CREATE TABLE "Person" (
  "id" INTEGER PRIMARY KEY AUTOINCREMENT,
  "name" TEXT NOT NULL,
  "friend" INTEGER REFERENCES "Person" ("id") ON DELETE SET NULL
);
CREATE INDEX "idx_person__friend" ON "Person" ("friend");
