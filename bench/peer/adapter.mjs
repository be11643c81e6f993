// What oidc-provider stores, in PostgreSQL: one indexed table, one prepared statement an operation.
import pg from 'pg';

const SCHEMA = `
  CREATE TABLE IF NOT EXISTS oidc_payload (
    kind text NOT NULL,
    id text NOT NULL,
    payload jsonb NOT NULL,
    grant_id text,
    uid text,
    user_code text,
    expires_at timestamptz,
    consumed_at timestamptz,
    PRIMARY KEY (kind, id)
  );
  CREATE INDEX IF NOT EXISTS oidc_payload_grant ON oidc_payload (grant_id) WHERE grant_id IS NOT NULL;
  CREATE INDEX IF NOT EXISTS oidc_payload_uid ON oidc_payload (uid) WHERE uid IS NOT NULL;
  CREATE INDEX IF NOT EXISTS oidc_payload_user_code ON oidc_payload (user_code) WHERE user_code IS NOT NULL;
  CREATE TABLE IF NOT EXISTS account (
    id text PRIMARY KEY,
    given_name text NOT NULL,
    family_name text NOT NULL,
    email text NOT NULL
  );`;

const FOUND = 'SELECT payload, extract(epoch FROM consumed_at)::int AS consumed FROM oidc_payload';
const FRESH = '(expires_at IS NULL OR expires_at > now())';

export function openPool(connectionString, max) {
  return new pg.Pool({ connectionString, max });
}

export async function createSchema(pool) {
  await pool.query(SCHEMA);
}

export async function findAccountRow(pool, id) {
  const { rows } = await pool.query({ name: 'account', text: 'SELECT * FROM account WHERE id = $1', values: [id] });
  return rows[0];
}

export function adapterOver(pool) {
  return class PostgresAdapter {
    constructor(kind) {
      this.kind = kind;
    }

    async upsert(id, payload, expiresIn) {
      await pool.query({
        name: 'upsert',
        text: `INSERT INTO oidc_payload (kind, id, payload, grant_id, uid, user_code, expires_at)
               VALUES ($1, $2, $3, $4, $5, $6, now() + make_interval(secs => $7))
               ON CONFLICT (kind, id) DO UPDATE SET payload = EXCLUDED.payload, grant_id = EXCLUDED.grant_id,
                 uid = EXCLUDED.uid, user_code = EXCLUDED.user_code, expires_at = EXCLUDED.expires_at`,
        values: [this.kind, id, JSON.stringify(payload), payload.grantId ?? null, payload.uid ?? null,
          payload.userCode ?? null, expiresIn ?? null],
      });
    }

    async find(id) {
      return this.#one('find', 'id', id);
    }

    async findByUid(uid) {
      return this.#one('find-by-uid', 'uid', uid);
    }

    async findByUserCode(userCode) {
      return this.#one('find-by-user-code', 'user_code', userCode);
    }

    async consume(id) {
      await pool.query({
        name: 'consume',
        text: 'UPDATE oidc_payload SET consumed_at = now() WHERE kind = $1 AND id = $2',
        values: [this.kind, id],
      });
    }

    async destroy(id) {
      await pool.query({
        name: 'destroy', text: 'DELETE FROM oidc_payload WHERE kind = $1 AND id = $2', values: [this.kind, id],
      });
    }

    async revokeByGrantId(grantId) {
      await pool.query({
        name: 'revoke', text: 'DELETE FROM oidc_payload WHERE kind = $1 AND grant_id = $2', values: [this.kind, grantId],
      });
    }

    async #one(name, column, value) {
      const { rows } = await pool.query({
        name, text: `${FOUND} WHERE kind = $1 AND ${column} = $2 AND ${FRESH}`, values: [this.kind, value],
      });
      if (rows.length === 0) return undefined;
      const { payload, consumed } = rows[0];
      return consumed === null ? payload : { ...payload, consumed };
    }
  };
}
