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

CREATE TABLE collection_samples (
    collection_id VARCHAR NOT NULL,
    sample_id VARCHAR NOT NULL,
    status VARCHAR NOT NULL,
    events BIGINT NOT NULL,
    files JSON NOT NULL,
    PRIMARY KEY (collection_id, sample_id),
    FOREIGN KEY(collection_id) REFERENCES collections (id),
    FOREIGN KEY(sample_id) REFERENCES samples (id)
);

CREATE TABLE collections (
    id VARCHAR NOT NULL,
    digest VARCHAR NOT NULL,
    name VARCHAR NOT NULL,
    created VARCHAR NOT NULL,
    who VARCHAR NOT NULL,
    note VARCHAR,
    PRIMARY KEY (id)
);

CREATE TABLE cutflow_rows (
    cutflow_id VARCHAR NOT NULL,
    number INTEGER NOT NULL,
    sample_id VARCHAR NOT NULL,
    simulation_id VARCHAR,
    region VARCHAR NOT NULL,
    position INTEGER NOT NULL,
    cut VARCHAR NOT NULL,
    n_generated BIGINT NOT NULL,
    sumw_generated FLOAT NOT NULL,
    n BIGINT NOT NULL,
    sumw FLOAT NOT NULL,
    sumw2 FLOAT NOT NULL,
    PRIMARY KEY (cutflow_id, number),
    FOREIGN KEY(cutflow_id) REFERENCES cutflows (id),
    FOREIGN KEY(sample_id) REFERENCES samples (id)
);

CREATE TABLE cutflows (
    id VARCHAR NOT NULL,
    digest VARCHAR NOT NULL,
    name VARCHAR NOT NULL,
    selection VARCHAR NOT NULL,
    created VARCHAR NOT NULL,
    who VARCHAR NOT NULL,
    document JSON NOT NULL,
    PRIMARY KEY (id),
    UNIQUE (digest)
);

CREATE TABLE definitions (
    digest VARCHAR NOT NULL,
    document JSON NOT NULL,
    facts JSON NOT NULL,
    PRIMARY KEY (digest)
);

CREATE TABLE efficiency_maps (
    id VARCHAR NOT NULL,
    digest VARCHAR NOT NULL,
    name VARCHAR NOT NULL,
    created VARCHAR NOT NULL,
    who VARCHAR NOT NULL,
    sha256 VARCHAR NOT NULL,
    PRIMARY KEY (id),
    UNIQUE (digest)
);

CREATE TABLE efficiency_rows (
    map_id VARCHAR NOT NULL,
    number INTEGER NOT NULL,
    sample_id VARCHAR NOT NULL,
    simulation_id VARCHAR,
    region VARCHAR NOT NULL,
    n_generated BIGINT NOT NULL,
    n_selected BIGINT NOT NULL,
    sumw_generated FLOAT NOT NULL,
    sumw FLOAT NOT NULL,
    sumw2 FLOAT NOT NULL,
    axes JSON NOT NULL,
    PRIMARY KEY (map_id, number),
    FOREIGN KEY(map_id) REFERENCES efficiency_maps (id),
    FOREIGN KEY(sample_id) REFERENCES samples (id)
);

CREATE TABLE files (
    sha256 VARCHAR NOT NULL,
    sample_id VARCHAR NOT NULL,
    part INTEGER NOT NULL,
    tier VARCHAR NOT NULL,
    storage VARCHAR NOT NULL,
    path VARCHAR NOT NULL,
    size BIGINT NOT NULL,
    events BIGINT NOT NULL,
    cross_section_fb FLOAT,
    cross_section_error_fb FLOAT,
    version VARCHAR NOT NULL,
    facts JSON NOT NULL,
    at VARCHAR NOT NULL,
    who VARCHAR NOT NULL,
    PRIMARY KEY (sha256),
    UNIQUE (sample_id, part, tier),
    UNIQUE (storage, path),
    FOREIGN KEY(sample_id) REFERENCES samples (id),
    FOREIGN KEY(storage) REFERENCES roots (name)
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

CREATE TABLE limit_points (
    result_id VARCHAR NOT NULL,
    number INTEGER NOT NULL,
    hypothesis VARCHAR NOT NULL,
    parameters JSON NOT NULL,
    limits JSON NOT NULL,
    samples JSON NOT NULL,
    simulations JSON,
    PRIMARY KEY (result_id, number),
    FOREIGN KEY(result_id) REFERENCES results (id)
);

CREATE TABLE mcbook_version (
    version_num VARCHAR(32) NOT NULL,
    CONSTRAINT mcbook_version_pkc PRIMARY KEY (version_num)
);

CREATE TABLE owners (
    sample_id VARCHAR NOT NULL,
    owner VARCHAR NOT NULL,
    at VARCHAR NOT NULL,
    who VARCHAR NOT NULL,
    PRIMARY KEY (sample_id),
    FOREIGN KEY(sample_id) REFERENCES samples (id)
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

CREATE TABLE result_samples (
    result_id VARCHAR NOT NULL,
    sample_id VARCHAR NOT NULL,
    PRIMARY KEY (result_id, sample_id),
    FOREIGN KEY(result_id) REFERENCES results (id)
);

CREATE TABLE results (
    id VARCHAR NOT NULL,
    digest VARCHAR NOT NULL,
    name VARCHAR NOT NULL,
    kind VARCHAR NOT NULL,
    model VARCHAR,
    frozen VARCHAR NOT NULL,
    cl FLOAT NOT NULL,
    method VARCHAR NOT NULL,
    created VARCHAR NOT NULL,
    who VARCHAR NOT NULL,
    inputs JSON NOT NULL,
    document JSON NOT NULL,
    unblinding VARCHAR,
    PRIMARY KEY (id),
    UNIQUE (digest),
    FOREIGN KEY(unblinding) REFERENCES unblindings (id)
);

CREATE TABLE retirements (
    sample_id VARCHAR NOT NULL,
    state VARCHAR NOT NULL,
    at VARCHAR NOT NULL,
    who VARCHAR NOT NULL,
    why VARCHAR NOT NULL,
    PRIMARY KEY (sample_id),
    FOREIGN KEY(sample_id) REFERENCES samples (id)
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

CREATE TABLE simulated_file_jobs (
    file VARCHAR NOT NULL,
    job VARCHAR NOT NULL,
    PRIMARY KEY (file, job),
    FOREIGN KEY(file) REFERENCES simulated_files ("key"),
    FOREIGN KEY(job) REFERENCES simulation_jobs ("key")
);

CREATE TABLE simulated_files (
    "key" VARCHAR NOT NULL,
    sha256 VARCHAR,
    simulation_id VARCHAR NOT NULL,
    tier VARCHAR NOT NULL,
    storage VARCHAR,
    path VARCHAR,
    lpn VARCHAR,
    size BIGINT,
    events BIGINT,
    at VARCHAR NOT NULL,
    who VARCHAR NOT NULL,
    PRIMARY KEY ("key"),
    FOREIGN KEY(simulation_id) REFERENCES simulations (id),
    FOREIGN KEY(storage) REFERENCES roots (name)
);

CREATE TABLE simulation_jobs (
    "key" VARCHAR NOT NULL,
    simulation_id VARCHAR NOT NULL,
    part INTEGER NOT NULL,
    number INTEGER NOT NULL,
    skipped BIGINT NOT NULL,
    events BIGINT NOT NULL,
    seed VARCHAR NOT NULL,
    PRIMARY KEY ("key"),
    FOREIGN KEY(simulation_id) REFERENCES simulations (id)
);

CREATE TABLE simulations (
    id VARCHAR NOT NULL,
    digest VARCHAR NOT NULL,
    sample_id VARCHAR NOT NULL,
    release VARCHAR NOT NULL,
    campaign VARCHAR NOT NULL,
    experiment INTEGER NOT NULL,
    run_first INTEGER NOT NULL,
    run_last INTEGER NOT NULL,
    background VARCHAR NOT NULL,
    global_tags JSON NOT NULL,
    displacement JSON NOT NULL,
    decayer VARCHAR,
    template_version INTEGER NOT NULL,
    created VARCHAR NOT NULL,
    who VARCHAR NOT NULL,
    PRIMARY KEY (id),
    UNIQUE (digest),
    FOREIGN KEY(sample_id) REFERENCES samples (id)
);

CREATE TABLE tags (
    sample_id VARCHAR NOT NULL,
    name VARCHAR NOT NULL,
    at VARCHAR NOT NULL,
    who VARCHAR NOT NULL,
    PRIMARY KEY (sample_id, name),
    FOREIGN KEY(sample_id) REFERENCES samples (id)
);

CREATE TABLE unblindings (
    id VARCHAR NOT NULL,
    analysis VARCHAR NOT NULL,
    frozen VARCHAR NOT NULL,
    at VARCHAR NOT NULL,
    who VARCHAR NOT NULL,
    why VARCHAR NOT NULL,
    files JSON NOT NULL,
    PRIMARY KEY (id)
);

CREATE INDEX ix_collection_samples_sample_id ON collection_samples (sample_id);

CREATE INDEX ix_collections_digest ON collections (digest);

CREATE INDEX ix_collections_name ON collections (name);

CREATE INDEX ix_cutflow_rows_sample_id ON cutflow_rows (sample_id);

CREATE INDEX ix_cutflows_name ON cutflows (name);

CREATE INDEX ix_cutflows_selection ON cutflows (selection);

CREATE INDEX ix_efficiency_maps_name ON efficiency_maps (name);

CREATE INDEX ix_efficiency_maps_sha256 ON efficiency_maps (sha256);

CREATE INDEX ix_efficiency_rows_sample_id ON efficiency_rows (sample_id);

CREATE INDEX ix_files_sample_id ON files (sample_id);

CREATE INDEX ix_history_sample_id ON history (sample_id);

CREATE INDEX ix_parts_seed ON parts (seed);

CREATE INDEX ix_result_samples_sample_id ON result_samples (sample_id);

CREATE INDEX ix_results_frozen ON results (frozen);

CREATE INDEX ix_samples_definition ON samples (definition);

CREATE INDEX ix_simulated_file_jobs_job ON simulated_file_jobs (job);

CREATE INDEX ix_simulated_files_sha256 ON simulated_files (sha256);

CREATE INDEX ix_simulated_files_simulation_id ON simulated_files (simulation_id);

CREATE INDEX ix_simulation_jobs_simulation_id ON simulation_jobs (simulation_id);

CREATE INDEX ix_simulations_sample_id ON simulations (sample_id);

CREATE INDEX ix_tags_name ON tags (name);

CREATE INDEX ix_unblindings_analysis ON unblindings (analysis);

CREATE INDEX ix_unblindings_frozen ON unblindings (frozen);
