CREATE TABLE cards (
    sample_id VARCHAR NOT NULL,
    part INTEGER NOT NULL,
    path VARCHAR NOT NULL,
    sha256 VARCHAR NOT NULL,
    template VARCHAR,
    template_version INTEGER,
    PRIMARY KEY (sample_id, part, path),
    FOREIGN KEY(sample_id) REFERENCES samples (id)
);

CREATE TABLE definitions (
    digest VARCHAR NOT NULL,
    document JSON NOT NULL,
    facts JSON NOT NULL,
    PRIMARY KEY (digest)
);

CREATE TABLE formula_sets (
    digest VARCHAR NOT NULL,
    versions JSON NOT NULL,
    PRIMARY KEY (digest)
);

CREATE TABLE history (
    id INTEGER NOT NULL,
    sample_id VARCHAR NOT NULL,
    at VARCHAR NOT NULL,
    who VARCHAR NOT NULL,
    event VARCHAR NOT NULL,
    detail JSON NOT NULL,
    PRIMARY KEY (id),
    FOREIGN KEY(sample_id) REFERENCES samples (id)
);

CREATE TABLE mcbook_version (
    version_num VARCHAR(32) NOT NULL,
    CONSTRAINT mcbook_version_pkc PRIMARY KEY (version_num)
);

CREATE TABLE parts (
    sample_id VARCHAR NOT NULL,
    number INTEGER NOT NULL,
    events BIGINT NOT NULL,
    seed BIGINT NOT NULL,
    status VARCHAR NOT NULL,
    storage VARCHAR NOT NULL,
    directory VARCHAR NOT NULL,
    PRIMARY KEY (sample_id, number),
    FOREIGN KEY(sample_id) REFERENCES samples (id),
    FOREIGN KEY(storage) REFERENCES roots (name)
);

CREATE TABLE points (
    id INTEGER NOT NULL,
    sample_id VARCHAR NOT NULL,
    digest VARCHAR NOT NULL,
    factor FLOAT,
    formulas VARCHAR NOT NULL,
    parameters JSON NOT NULL,
    derived JSON NOT NULL,
    reasons JSON,
    wide JSON,
    PRIMARY KEY (id),
    UNIQUE (sample_id, digest),
    FOREIGN KEY(sample_id) REFERENCES samples (id),
    FOREIGN KEY(formulas) REFERENCES formula_sets (digest)
);

CREATE TABLE roots (
    name VARCHAR NOT NULL,
    path VARCHAR NOT NULL,
    PRIMARY KEY (name)
);

CREATE TABLE samples (
    id VARCHAR NOT NULL,
    digest VARCHAR NOT NULL,
    definition VARCHAR NOT NULL,
    model VARCHAR NOT NULL,
    process VARCHAR NOT NULL,
    generator VARCHAR NOT NULL,
    status VARCHAR NOT NULL,
    created VARCHAR NOT NULL,
    n_events BIGINT NOT NULL,
    events_target BIGINT NOT NULL,
    storage VARCHAR NOT NULL,
    directory VARCHAR NOT NULL,
    supersedes VARCHAR,
    formulas VARCHAR NOT NULL,
    expected_rate FLOAT,
    parameters JSON NOT NULL,
    derived JSON NOT NULL,
    reasons JSON,
    PRIMARY KEY (id),
    UNIQUE (digest),
    FOREIGN KEY(definition) REFERENCES definitions (digest),
    FOREIGN KEY(storage) REFERENCES roots (name),
    FOREIGN KEY(formulas) REFERENCES formula_sets (digest)
);

CREATE TABLE shared_files (
    definition VARCHAR NOT NULL,
    storage VARCHAR NOT NULL,
    path VARCHAR NOT NULL,
    sha256 VARCHAR NOT NULL,
    PRIMARY KEY (definition, storage, path),
    FOREIGN KEY(definition) REFERENCES definitions (digest),
    FOREIGN KEY(storage) REFERENCES roots (name)
);

CREATE INDEX ix_history_sample_id ON history (sample_id);

CREATE INDEX ix_parts_seed ON parts (seed);

CREATE INDEX ix_samples_definition ON samples (definition);
