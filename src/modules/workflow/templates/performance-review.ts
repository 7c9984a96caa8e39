import type { Definition } from '../definition';

/** Performance review (KPI): the person’s own account, assessed by the head of the unit, confirmed by whoever heads the unit above. */
export const performanceReview: Definition = {
  key: 'performance-review',
  title: { en: 'Performance review', id: 'Penilaian kinerja' },
  form: {
    type: 'object',
    additionalProperties: false,
    required: ['period', 'goals'],
    properties: {
      period: { type: 'string', pattern: '^[0-9]{4}-[12]$', description: 'Year and half, such as 2026-1' },
      goals: {
        type: 'array',
        minItems: 1,
        maxItems: 10,
        items: {
          type: 'object',
          additionalProperties: false,
          required: ['goal', 'achieved'],
          properties: { goal: { type: 'string', minLength: 3, maxLength: 300 }, achieved: { type: 'integer', minimum: 0, maximum: 100, description: 'Per cent' }, evidence: { type: 'string', maxLength: 1000 } },
        },
      },
    },
  },
  start: 'head',
  nodes: {
    head: { type: 'approval', sensitivity: 'high', title: { en: 'Assessment by the head of the unit', id: 'Penilaian pimpinan unit' }, candidates: [{ relation: 'head-of-unit' }], to: 'leadership' },
    leadership: { type: 'approval', sensitivity: 'high', title: { en: 'Confirmation by the unit above', id: 'Pengesahan pimpinan di atasnya' }, candidates: [{ relation: 'head-of-unit', up: 1 }], notActorOf: ['head'], noCandidate: 'skip', returns: ['head'], onReject: 'head', to: 'done' },
    done: { type: 'end' },
  },
};
