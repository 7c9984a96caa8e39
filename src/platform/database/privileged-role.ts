import type { Pool } from 'pg';

/** Rejects where the role could go round row-level security: it would make every tenant check decoration. */
export async function refusePrivilegedRole(pool: Pool, variable: string): Promise<void> {
  const { rows } = await pool.query<{ name: string; privileged: boolean; owner: boolean }>(`
    SELECT current_user AS name, r.rolsuper OR r.rolbypassrls AS privileged,
           EXISTS (SELECT FROM pg_class c WHERE c.relkind IN ('r', 'p') AND c.relnamespace IN ('public'::regnamespace, 'audit'::regnamespace)
                      AND pg_has_role(current_user, c.relowner, 'MEMBER')) AS owner
      FROM pg_roles r WHERE r.rolname = current_user`);
  const role = rows[0];
  if (!role || role.privileged || role.owner) {
    throw new Error(`${variable} connects as "${role?.name}", which is a superuser, bypasses row-level security or owns tables; use gloria_app (prisma/roles.sql)`);
  }
}
