// What a declaration's events mean in the reimbursement: who acts, which verb, at which step. And how a case is mutated.

/** Recorded roles that decide a step, and the step each belongs to. */
const STEP_OF = { ADMINISTRATION: 'administration', 'BUDGET OWNER': 'budget-owner', PRE_APPROVER: 'pre-approval', SUPERVISOR: 'supervisor' };

/**
 * @typedef {{ verb: 'draft'|'submit'|'approve'|'return'|'withdraw'|'complete', by: string, step: string|null, name: string }} Move
 * `by`: EMPLOYEE (the initiator), a deciding role, or SYSTEM. `step`: where a system step must stand.
 */

/** @param {string} activity @returns {Move} */
export function moveOf(activity) {
  if (activity === 'Request Payment') return { verb: 'complete', by: 'SYSTEM', step: 'payment-request', name: activity };
  if (activity === 'Payment Handled') return { verb: 'complete', by: 'SYSTEM', step: 'payment', name: activity };
  const match = /^Declaration (SAVED|SUBMITTED|APPROVED|FINAL_APPROVED|REJECTED) by (.+)$/.exec(activity);
  if (!match) throw new Error(`unknown activity ${activity}`);
  const [, what, who] = match;
  if (what === 'SAVED') return { verb: 'draft', by: 'EMPLOYEE', step: null, name: activity };
  if (what === 'SUBMITTED') return { verb: 'submit', by: 'EMPLOYEE', step: null, name: activity };
  if (who === 'EMPLOYEE') return { verb: 'withdraw', by: 'EMPLOYEE', step: null, name: activity };
  // Rejections by nobody known come from the payment system, also after the final approval.
  if (who === 'MISSING') return { verb: 'return', by: 'SYSTEM', step: null, name: activity };
  if (!(who in STEP_OF)) throw new Error(`unknown role ${who}`);
  return { verb: what === 'REJECTED' ? 'return' : 'approve', by: who, step: null, name: activity };
}

/**
 * The route each submission of a case takes, read from who decided on it until the next submission.
 * @param {Move[]} moves
 * @returns {string[]} one a submission
 */
export function routesOf(moves) {
  const rounds = [];
  for (const move of moves) {
    if (move.verb === 'submit') rounds.push(new Set());
    else rounds.at(-1)?.add(move.by);
  }
  return rounds.map((deciders) => {
    if (deciders.has('PRE_APPROVER')) return 'pre-approver';
    if (deciders.has('BUDGET OWNER')) return 'administration-and-budget';
    return deciders.has('ADMINISTRATION') ? 'administration' : 'supervisor';
  });
}

/**
 * Spoils a case in one of three ways: two neighbouring steps swapped, a deciding role exchanged for another, a decision
 * taken by the initiator. The routes stay the recorded ones: what is filled in does not follow what is spoilt.
 * @param {Move[]} moves
 * @param {number} seed
 * @returns {{ kind: string, moves: Move[] } | null} null where the case offers nothing to spoil
 */
export function mutate(moves, seed) {
  const swaps = moves.slice(1).flatMap((move, index) => (move.name !== moves[index].name ? [index] : []));
  const decisions = moves.flatMap((move, index) => (move.by in STEP_OF ? [index] : []));
  const ways = [
    ...(swaps.length ? ['steps swapped'] : []),
    ...(decisions.length ? ['role exchanged', 'decided by the initiator'] : []),
  ];
  if (ways.length === 0) return null;
  const random = generator(seed);
  const kind = ways[Math.floor(random() * ways.length)];
  const result = [...moves];
  if (kind === 'steps swapped') {
    const at = swaps[Math.floor(random() * swaps.length)];
    [result[at], result[at + 1]] = [result[at + 1], result[at]];
  } else {
    const at = decisions[Math.floor(random() * decisions.length)];
    const move = result[at];
    const others = Object.keys(STEP_OF).filter((role) => role !== move.by);
    const by = kind === 'role exchanged' ? others[Math.floor(random() * others.length)] : 'EMPLOYEE';
    result[at] = { ...move, by, name: `${move.name} → ${by}` };
  }
  return { kind, moves: result };
}

/** mulberry32: small, seeded, the same everywhere. Public domain algorithm by T. Ettinger. */
export function generator(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

/** A number from a text, for spreading cases over people (FNV-1a). */
export function spread(text) {
  let hash = 2166136261;
  for (let i = 0; i < text.length; i += 1) hash = Math.imul(hash ^ text.charCodeAt(i), 16777619);
  return hash >>> 0;
}
