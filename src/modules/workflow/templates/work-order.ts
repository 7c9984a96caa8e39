import type { Definition } from '../definition';

/** Work order: approved by the head of the unit – and the budget's owner, where it costs –, carried out, then accepted by the head. */
export const workOrder: Definition = {
  key: 'work-order',
  title: { en: 'Work order', id: 'Perintah kerja' },
  form: {
    type: 'object',
    additionalProperties: false,
    required: ['place', 'work', 'cost', 'urgency'],
    properties: {
      place: { type: 'string', minLength: 2, maxLength: 120 },
      work: { type: 'string', minLength: 3, maxLength: 2000 },
      cost: { type: 'string', enum: ['none', 'material', 'contractor'] },
      amount: { type: 'string', pattern: '^(0|[1-9][0-9]{0,12})(\\.[0-9]{1,2})?$', description: 'Estimate, decimal' },
      urgency: { type: 'string', enum: ['low', 'normal', 'urgent'] },
    },
  },
  start: 'head',
  nodes: {
    head: { type: 'approval', title: { en: 'Head of the unit', id: 'Pimpinan unit' }, candidates: [{ relation: 'head-of-unit' }], to: 'cost' },
    cost: { type: 'exclusive', branches: [{ when: { field: 'cost', oneOf: ['material', 'contractor'] }, to: 'budget-owner' }], otherwise: 'work' },
    'budget-owner': { type: 'approval', title: { en: 'Approval by the budget owner', id: 'Persetujuan pemilik anggaran' }, candidates: [{ role: 'budget-owner', within: 'school' }, { role: 'budget-owner', within: 'foundation' }], returns: ['head'], to: 'work' },
    work: { type: 'service', title: { en: 'Work is carried out', id: 'Pekerjaan dilaksanakan' }, to: 'acceptance' },
    // Not accepted, it is done again.
    acceptance: { type: 'approval', title: { en: 'Acceptance', id: 'Serah terima' }, candidates: [{ relation: 'head-of-unit' }], onReject: 'work', to: 'done' },
    done: { type: 'end' },
  },
};
