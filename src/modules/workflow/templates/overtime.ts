import type { Definition } from '../definition';

/** Overtime (lembur), asked for before it is worked: the head of the unit and the budget's owner, at the same time. */
export const overtime: Definition = {
  key: 'overtime',
  title: { en: 'Overtime', id: 'Lembur' },
  form: {
    type: 'object',
    additionalProperties: false,
    required: ['day', 'from', 'until', 'work'],
    properties: {
      day: { type: 'string', format: 'date' },
      from: { type: 'string', pattern: '^([01][0-9]|2[0-3]):[0-5][0-9]$' },
      until: { type: 'string', pattern: '^([01][0-9]|2[0-3]):[0-5][0-9]$' },
      work: { type: 'string', minLength: 3, maxLength: 500, description: 'What is to be done' },
    },
  },
  start: 'both',
  nodes: {
    both: { type: 'parallel', to: ['head', 'budget-owner'] },
    head: { type: 'approval', title: { en: 'Head of the unit', id: 'Pimpinan unit' }, candidates: [{ relation: 'head-of-unit' }], to: 'agreed' },
    'budget-owner': { type: 'approval', title: { en: 'Approval by the budget owner', id: 'Persetujuan pemilik anggaran' }, candidates: [{ role: 'budget-owner', within: 'school' }, { role: 'budget-owner', within: 'foundation' }], to: 'agreed' },
    agreed: { type: 'parallel', to: ['done'] },
    done: { type: 'end' },
  },
};
