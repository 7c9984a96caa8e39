// The people a log is replayed with: the log names roles only, so a school is made in which each role is somebody's,
// and nobody who files also decides.
import { spread } from './flow.mjs';

const DEPARTMENTS = 10;
const EMPLOYEES = 4;

/**
 * Brings the school in through the API as the administrator: import, roles, invitations redeemed by everybody, a key for
 * the payment system. Safe to repeat.
 * @param {import('./api.mjs').Api} api
 */
export async function assemble(api, administrator) {
  const people = [];
  const add = (handle, position) => people.push({ handle, number: `R${String(people.length + 1).padStart(4, '0')}`, position });
  const units = [{ code: 'replay', kind: 'school', name: 'Replay School' }, { code: 'replay-office', kind: 'department', name: 'Office', parent: 'replay' }];
  const positions = [];
  const offices = { ADMINISTRATION: ['finance-administration', 3], 'BUDGET OWNER': ['budget-owner', 3], PRE_APPROVER: ['pre-approver', 3] };
  for (const [name, [role, count]] of Object.entries(offices)) {
    positions.push({ code: `replay-${role}`, title: name, unit: 'replay-office' });
    for (let n = 0; n < count; n += 1) add(`replay_${role.replaceAll('-', '_')}_${n}`, `replay-${role}`);
  }
  for (let d = 0; d < DEPARTMENTS; d += 1) {
    units.push({ code: `replay-d${d}`, kind: 'department', name: `Department ${d}`, parent: 'replay' });
    positions.push({ code: `replay-d${d}-head`, title: 'Head of department', unit: `replay-d${d}`, isHead: true }, { code: `replay-d${d}-staff`, title: 'Lecturer', unit: `replay-d${d}` });
    add(`replay_head_${d}`, `replay-d${d}-head`);
    for (let n = 0; n < EMPLOYEES; n += 1) add(`replay_staff_${d}_${n}`, `replay-d${d}-staff`);
  }
  await api.must(administrator, 'POST', '/organization/import', {
    units,
    positions,
    people: people.map(({ number, handle }) => ({ employeeNumber: number, fullName: handle.replaceAll('_', ' '), locale: 'en' })),
    appointments: people.map(({ number, position }) => ({ employeeNumber: number, position })),
  });

  const byCode = async (path) => new Map((await everything(api, administrator, path)).map((row) => [row.code ?? row.employeeNumber, row.id]));
  const [roleIds, positionIds, personIds] = [await byCode('/roles'), await byCode('/positions'), await byCode('/people')];
  const wanted = [...Object.values(offices).map(([role]) => [role, `replay-${role}`]), ...Array.from({ length: DEPARTMENTS }, (_, d) => ['supervisor', `replay-d${d}-head`])];
  for (const [role, position] of wanted) {
    const held = await api.must(administrator, 'GET', `/role-assignments?roleId=${roleIds.get(role)}&positionId=${positionIds.get(position)}`);
    if (held.items.length === 0) await api.must(administrator, 'POST', '/role-assignments', { roleId: roleIds.get(role), positionId: positionIds.get(position) });
  }
  for (const person of people) {
    const { linked } = await api.must(person, 'GET', '/me');
    if (linked) continue;
    const { code } = await api.must(administrator, 'POST', '/invitations', { personId: personIds.get(person.number) });
    await api.must(person, 'POST', '/me/link', { code });
  }
  const { key } = await api.must(administrator, 'POST', '/api-keys', { name: 'Payment system (replay)', scopes: ['workflow:complete', 'workflow:read'], validDays: 1 });

  const handles = people.map(({ handle }) => handle);
  const pick = (prefix, seed) => {
    const fitting = handles.filter((handle) => handle.startsWith(prefix));
    return { handle: fitting[seed % fitting.length] };
  };
  /** Who plays which role in a case: always the same people for the same case. */
  return (caseId) => {
    const seed = spread(caseId);
    const department = seed % DEPARTMENTS;
    const cast = {
      EMPLOYEE: pick(`replay_staff_${department}_`, seed >>> 4),
      SUPERVISOR: { handle: `replay_head_${department}` },
      ADMINISTRATION: pick('replay_finance_administration_', seed >>> 8),
      'BUDGET OWNER': pick('replay_budget_owner_', seed >>> 12),
      PRE_APPROVER: pick('replay_pre_approver_', seed >>> 16),
      SYSTEM: { apiKey: key },
    };
    return (role) => cast[role];
  };
}

/** All rows of a list, page by page. */
export async function everything(api, who, path) {
  const rows = [];
  for (let cursor = ''; cursor !== null;) {
    const page = await api.must(who, 'GET', `${path}${path.includes('?') ? '&' : '?'}limit=200${cursor ? `&cursor=${encodeURIComponent(cursor)}` : ''}`);
    rows.push(...page.items);
    cursor = page.nextCursor;
  }
  return rows;
}
