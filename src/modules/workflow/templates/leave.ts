import type { Definition } from '../definition';

/** Leave (cuti): the head of the unit decides; long leave and leave without pay also whoever heads the unit above. */
export const leave: Definition = {
  key: 'leave',
  title: { en: 'Leave', id: 'Cuti' },
  form: {
    type: 'object',
    additionalProperties: false,
    required: ['kind', 'from', 'until', 'reason'],
    properties: {
      kind: { type: 'string', enum: ['annual', 'sick', 'maternity', 'marriage', 'bereavement', 'pilgrimage', 'unpaid'] },
      from: { type: 'string', format: 'date', description: 'First day' },
      until: { type: 'string', format: 'date', description: 'Last day' },
      reason: { type: 'string', minLength: 3, maxLength: 500 },
      substitute: { type: 'string', format: 'uuid', description: 'Who decides requests in their place meanwhile' },
      handover: { type: 'string', maxLength: 500, description: 'Who takes over, and what' },
    },
  },
  leave: { kind: 'kind', from: 'from', until: 'until' },
  absence: { from: 'from', until: 'until', substitute: 'substitute' },
  start: 'head',
  nodes: {
    head: { type: 'approval', title: { en: 'Head of the unit', id: 'Pimpinan unit' }, candidates: [{ relation: 'head-of-unit' }], serviceLevel: { warning: { workingDays: 1 }, due: { workingDays: 2 }, escalation: [{ after: { workingDays: 4 }, to: [{ relation: 'head-of-unit', up: 1 }] }] }, to: 'kind' },
    kind: { type: 'exclusive', branches: [{ when: { field: 'kind', oneOf: ['maternity', 'pilgrimage', 'unpaid'] }, to: 'leadership' }], otherwise: 'done' },
    // Where nobody stands above whoever decided first, that decision stands.
    leadership: { type: 'approval', title: { en: 'Head of the unit above', id: 'Pimpinan di atasnya' }, candidates: [{ relation: 'head-of-unit', up: 1 }], notActorOf: ['head'], noCandidate: 'skip', returns: ['head'], to: 'done' },
    done: { type: 'end' },
  },
};
