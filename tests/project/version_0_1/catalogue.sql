-- The catalogue of a project of neuralbum 0.1: migration 0001, one band of two songs, one kept and titled take.
CREATE TABLE alembic_version (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);
CREATE TABLE track (
	id VARCHAR(40) NOT NULL, 
	path TEXT NOT NULL, 
	title TEXT NOT NULL, 
	artist TEXT NOT NULL, 
	sha256 VARCHAR(64) NOT NULL, 
	duration_s FLOAT NOT NULL, 
	sample_rate INTEGER NOT NULL, 
	channels INTEGER NOT NULL, 
	split VARCHAR(10) NOT NULL, 
	level_db FLOAT NOT NULL, 
	peak_db FLOAT NOT NULL, 
	CONSTRAINT pk_track PRIMARY KEY (id), 
	CONSTRAINT uq_track_sha256 UNIQUE (sha256)
);
CREATE TABLE model (
	id VARCHAR(80) NOT NULL, 
	kind VARCHAR(40) NOT NULL, 
	preset VARCHAR(40) NOT NULL, 
	sample_rate INTEGER NOT NULL, 
	corpus_digest VARCHAR(40) NOT NULL, 
	config JSON NOT NULL, 
	created_at FLOAT NOT NULL, 
	CONSTRAINT pk_model PRIMARY KEY (id)
);
CREATE TABLE curve (
	model_id VARCHAR(80) NOT NULL, 
	name VARCHAR(80) NOT NULL, 
	step INTEGER NOT NULL, 
	value FLOAT NOT NULL, 
	CONSTRAINT pk_curve PRIMARY KEY (model_id, name, step)
);
CREATE TABLE take (
	id VARCHAR(40) NOT NULL, 
	recipe JSON NOT NULL, 
	path TEXT NOT NULL, 
	sha256 VARCHAR(64) NOT NULL, 
	sample_rate INTEGER NOT NULL, 
	channels INTEGER NOT NULL, 
	n_samples INTEGER NOT NULL, 
	created_at FLOAT NOT NULL, 
	events JSON NOT NULL, 
	CONSTRAINT pk_take PRIMARY KEY (id)
);
CREATE TABLE finding (
	"key" VARCHAR(40) NOT NULL, 
	stage VARCHAR(40) NOT NULL, 
	version INTEGER NOT NULL, 
	subject VARCHAR(80) NOT NULL, 
	params JSON NOT NULL, 
	inputs JSON NOT NULL, 
	"values" JSON NOT NULL, 
	files JSON NOT NULL, 
	error TEXT, 
	cpu_s FLOAT NOT NULL, 
	created_at FLOAT NOT NULL, 
	CONSTRAINT pk_finding PRIMARY KEY ("key")
);
CREATE INDEX ix_finding_stage_subject ON finding (stage, subject);
CREATE TABLE claim (
	"key" VARCHAR(40) NOT NULL, 
	stage VARCHAR(40) NOT NULL, 
	worker VARCHAR(200) NOT NULL, 
	expires_at FLOAT NOT NULL, 
	started_at FLOAT, 
	deaths INTEGER NOT NULL, 
	CONSTRAINT pk_claim PRIMARY KEY ("key")
);
CREATE TABLE event (
	id INTEGER NOT NULL, 
	client_id VARCHAR(80) NOT NULL, 
	at FLOAT NOT NULL, 
	actor VARCHAR(80) NOT NULL, 
	session VARCHAR(80) NOT NULL, 
	pass_name VARCHAR(20) NOT NULL, 
	take_id VARCHAR(40) NOT NULL, 
	kind VARCHAR(20) NOT NULL, 
	payload JSON NOT NULL, 
	undoes VARCHAR(80), 
	CONSTRAINT pk_event PRIMARY KEY (id), 
	CONSTRAINT uq_event_client_id UNIQUE (client_id)
);
CREATE INDEX ix_event_take_id ON event (take_id);
CREATE TABLE song (
	take_id VARCHAR(40) NOT NULL, 
	number INTEGER NOT NULL, 
	title TEXT NOT NULL, 
	title_key TEXT NOT NULL, 
	CONSTRAINT pk_song PRIMARY KEY (take_id), 
	CONSTRAINT uq_song_number UNIQUE (number), 
	CONSTRAINT uq_song_title_key UNIQUE (title_key)
);
CREATE TABLE activity (
	id INTEGER NOT NULL, 
	stage VARCHAR(40) NOT NULL, 
	started_at FLOAT NOT NULL, 
	wall_s FLOAT NOT NULL, 
	cpu_s FLOAT NOT NULL, 
	device VARCHAR(80) NOT NULL, 
	device_s FLOAT NOT NULL, 
	n_done INTEGER NOT NULL, 
	n_failed INTEGER NOT NULL, 
	detail JSON NOT NULL, 
	CONSTRAINT pk_activity PRIMARY KEY (id)
);
INSERT INTO alembic_version VALUES ('0001');
INSERT INTO track (id, path, title, artist, sha256, duration_s, sample_rate, channels, split, level_db, peak_db) VALUES
('t1', '/music/stairs.flac', 'Stairs', 'Silver Stones', 'aa', 180.0, 44100, 2, 'train', -12.5, -0.5),
('t2', '/music/sixty four.ogg', 'Sixty Four', 'Silver Stones', 'bb', 120.0, 44100, 2, 'heldout', -13.0, -1.0);
INSERT INTO model (id, kind, preset, sample_rate, corpus_digest, config, created_at) VALUES
('tiny-1a2b3c4d', 'samplernn', 'tiny', 16000, 'c0ffee', '{"dim": 256}', 1700000000.0);
INSERT INTO curve (model_id, name, step, value) VALUES
('tiny-1a2b3c4d', 'train_bits', 100, 3.5), ('tiny-1a2b3c4d', 'heldout_bits', 100, 3.25);
INSERT INTO take (id, recipe, path, sha256, sample_rate, channels, n_samples, created_at, events) VALUES
('0123456789abcdef0123', '{"model_id": "tiny-1a2b3c4d", "model_digest": "d1", "step": 100, "seed": 7, "number": 0, "temperature": [[0.0, 1.0]], "n_samples": 480000, "sample_rate": 16000, "engine": "samplernn 1"}', 'takes/0123456789abcdef0123.flac', 'cc', 16000, 1, 480000, 1700000100.0, '[]');
INSERT INTO finding (key, stage, version, subject, params, inputs, "values", files, error, cpu_s, created_at) VALUES
('f1', 'screen', 1, '0123456789abcdef0123', '{}', '{}', '{"loudness_lufs": -14.0, "flags": []}', '{}', NULL, 1.5, 1700000200.0);
INSERT INTO event (client_id, at, actor, session, pass_name, take_id, kind, payload, undoes) VALUES
('event-0001', 1700000300.0, 'ann', '', 'ear', '0123456789abcdef0123', 'verdict', '{"value": "keep"}', NULL);
INSERT INTO song (take_id, number, title, title_key) VALUES ('0123456789abcdef0123', 1, 'Mock Melancholy', 'mock melancholy');
INSERT INTO activity (stage, started_at, wall_s, cpu_s, device, device_s, n_done, n_failed, detail) VALUES
('generate', 1700000000.0, 60.0, 58.0, 'cpu', 0.0, 1, 0, '{}');
