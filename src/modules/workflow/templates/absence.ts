import type { Definition } from '../definition';

/** Permission to be absent for hours or a day (izin): the head of the unit decides. */
export const absence: Definition = {
  key: 'absence',
  title: { en: 'Permission to be absent', id: 'Izin' },
  form: {
    type: 'object',
    additionalProperties: false,
    required: ['day', 'reason'],
    properties: {
      day: { type: 'string', format: 'date' },
      from: { type: 'string', pattern: '^([01][0-9]|2[0-3]):[0-5][0-9]$', description: 'Left out for the whole day' },
      until: { type: 'string', pattern: '^([01][0-9]|2[0-3]):[0-5][0-9]$' },
      reason: { type: 'string', minLength: 3, maxLength: 500 },
    },
  },
  start: 'head',
  nodes: {
    head: { type: 'approval', title: { en: 'Head of the unit', id: 'Pimpinan unit' }, candidates: [{ relation: 'head-of-unit' }], serviceLevel: { due: { workingHours: 8 }, escalation: [{ after: { workingHours: 12 }, to: [{ relation: 'head-of-unit', up: 1 }] }] }, to: 'done' },
    done: { type: 'end' },
  },
};
