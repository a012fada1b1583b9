-- The tables of layout 1 as Hone at cb6e966 makes them in PostgreSQL.
CREATE TABLE answers (
    number BIGSERIAL NOT NULL,
    judge VARCHAR(64) NOT NULL,
    raw TEXT NOT NULL,
    model TEXT,
    tokens_in INTEGER NOT NULL,
    tokens_out INTEGER NOT NULL,
    money FLOAT NOT NULL,
    seconds FLOAT NOT NULL,
    asked_at VARCHAR(32) NOT NULL,
    run TEXT NOT NULL,
    attempt INTEGER NOT NULL,
    PRIMARY KEY (number)
);
CREATE INDEX ix_answers_judge ON answers (judge);
CREATE TABLE claims (
    judge VARCHAR(64) NOT NULL,
    question BYTEA NOT NULL,
    owner TEXT NOT NULL,
    until FLOAT NOT NULL,
    PRIMARY KEY (judge, question)
);
CREATE TABLE judges (
    fingerprint VARCHAR(64) NOT NULL,
    description TEXT,
    since VARCHAR(32),
    PRIMARY KEY (fingerprint)
);
CREATE TABLE layout (
    version INTEGER NOT NULL,
    PRIMARY KEY (version)
);
CREATE TABLE verdicts (
    number BIGSERIAL NOT NULL,
    judge VARCHAR(64) NOT NULL,
    question BYTEA NOT NULL,
    answer BIGINT NOT NULL,
    verdict VARCHAR(8) NOT NULL,
    grade FLOAT,
    probability FLOAT,
    reason TEXT,
    attempt INTEGER NOT NULL,
    PRIMARY KEY (number),
    FOREIGN KEY(answer) REFERENCES answers (number)
);
CREATE INDEX verdicts_by_question ON verdicts (judge, question);
CREATE FUNCTION only_added() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION $$the ledger is only added to$$; END';
CREATE TRIGGER answers_update BEFORE UPDATE ON answers FOR EACH ROW EXECUTE FUNCTION only_added();
CREATE TRIGGER answers_delete BEFORE DELETE ON answers FOR EACH ROW EXECUTE FUNCTION only_added();
CREATE TRIGGER verdicts_update BEFORE UPDATE ON verdicts FOR EACH ROW EXECUTE FUNCTION only_added();
CREATE TRIGGER verdicts_delete BEFORE DELETE ON verdicts FOR EACH ROW EXECUTE FUNCTION only_added();
