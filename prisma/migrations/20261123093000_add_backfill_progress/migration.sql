-- rollback: forward only; only `gloria backfill` reads the table, and it can stay where an older release serves.
CREATE TABLE backfill_progress (
  foundation_id uuid NOT NULL,
  name          text NOT NULL,
  last_id       uuid,
  seen          bigint NOT NULL DEFAULT 0,
  changed       bigint NOT NULL DEFAULT 0,
  started_at    timestamptz(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
  finished_at   timestamptz(3),
  CONSTRAINT backfill_progress_pkey PRIMARY KEY (foundation_id, name)
);
ALTER TABLE backfill_progress ENABLE ROW LEVEL SECURITY;
ALTER TABLE backfill_progress FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON backfill_progress USING (foundation_id = gloria_foundation()) WITH CHECK (foundation_id = gloria_foundation());
GRANT SELECT, INSERT, UPDATE ON backfill_progress TO gloria_app;

-- Work that goes through every tenant asks which there are.
CREATE POLICY worker ON foundation FOR SELECT USING (current_setting('gloria.worker', true) = 'on');
