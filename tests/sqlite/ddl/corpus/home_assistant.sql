CREATE TABLE event_data (
	data_id INTEGER NOT NULL, 
	hash INTEGER, 
	shared_data TEXT, 
	PRIMARY KEY (data_id)
);
CREATE TABLE events (
	event_id INTEGER NOT NULL, 
	event_type VARCHAR(64), 
	event_data TEXT, 
	origin VARCHAR(32), 
	time_fired DATETIME, 
	context_id VARCHAR(36), data_id INTEGER REFERENCES event_data(data_id), context_id_bin BLOB, 
	PRIMARY KEY (event_id)
);
CREATE TABLE states (
	state_id INTEGER NOT NULL, 
	entity_id CHAR(0), 
	state VARCHAR(255), 
	last_updated_ts FLOAT, 
	old_state_id INTEGER, 
	attributes_id INTEGER, 
	metadata_id INTEGER, 
	PRIMARY KEY (state_id), 
	FOREIGN KEY(old_state_id) REFERENCES states (state_id), 
	FOREIGN KEY(attributes_id) REFERENCES state_attributes (attributes_id)
);
CREATE TABLE state_attributes (
	attributes_id INTEGER NOT NULL, 
	hash BIGINT, 
	shared_attrs TEXT, 
	PRIMARY KEY (attributes_id)
);
CREATE TABLE recorder_runs (
	run_id INTEGER NOT NULL, 
	start DATETIME NOT NULL, 
	"end" DATETIME, 
	closed_incorrect BOOLEAN NOT NULL, 
	PRIMARY KEY (run_id), 
	CHECK (closed_incorrect IN (0, 1))
);
CREATE TABLE statistics (
	id INTEGER NOT NULL, 
	created_ts FLOAT, 
	metadata_id INTEGER, 
	start_ts FLOAT, 
	mean FLOAT, 
	sum FLOAT, 
	PRIMARY KEY (id), 
	FOREIGN KEY(metadata_id) REFERENCES statistics_meta (id) ON DELETE CASCADE
);
CREATE TABLE statistics_meta (id INTEGER NOT NULL, statistic_id VARCHAR(255), source VARCHAR(32), has_mean BOOLEAN, name VARCHAR(255), PRIMARY KEY (id));
CREATE INDEX ix_recorder_runs_start_end ON recorder_runs (start, "end");
CREATE UNIQUE INDEX ix_statistics_statistic_id_start_ts ON statistics (metadata_id, start_ts);
CREATE INDEX ix_states_metadata_id_last_updated_ts ON states (metadata_id, last_updated_ts);
