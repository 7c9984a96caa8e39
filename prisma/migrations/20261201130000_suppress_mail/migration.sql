-- rollback: forward only; an older release mails addresses that take none, which Postmark refuses by itself.

CREATE TABLE mail_suppression (
  foundation_id uuid NOT NULL REFERENCES foundation (id) ON DELETE RESTRICT ON UPDATE CASCADE,
  address_hash bytea NOT NULL,
  reason text NOT NULL,
  since timestamptz(3) NOT NULL DEFAULT now(),
  CONSTRAINT mail_suppression_pkey PRIMARY KEY (foundation_id, address_hash)
);
ALTER TABLE mail_suppression ENABLE ROW LEVEL SECURITY;
ALTER TABLE mail_suppression FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON mail_suppression USING (foundation_id = gloria_foundation()) WITH CHECK (foundation_id = gloria_foundation());
GRANT SELECT, INSERT, UPDATE, DELETE ON mail_suppression TO gloria_app;
