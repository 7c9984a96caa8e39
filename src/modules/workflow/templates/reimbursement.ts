import type { Definition } from '../definition';

/**
 * Reimbursement of an expense. Which way it goes is on the form: through administration (and the budget owner, where
 * the cost is charged to a budget of its own), through a pre-approver, or straight to the supervisor. Then payment is
 * requested and handled by another system, which can still send the request back.
 */
export const reimbursement: Definition = {
  key: 'reimbursement',
  title: { en: 'Reimbursement', id: 'Penggantian biaya' },
  form: {
    type: 'object',
    additionalProperties: false,
    required: ['amount', 'currency', 'description', 'route'],
    properties: {
      amount: { type: 'string', pattern: '^(0\\.(0[1-9]|[1-9][0-9]?)|[1-9][0-9]{0,12}(\\.[0-9]{1,2})?)$', description: 'Decimal, more than zero' },
      currency: { type: 'string', enum: ['IDR', 'USD', 'EUR', 'SGD'] },
      description: { type: 'string', minLength: 3, maxLength: 500 },
      spentOn: { type: 'string', format: 'date' },
      budgetNumber: { type: 'string', maxLength: 60 },
      route: { type: 'string', enum: ['administration', 'administration-and-budget', 'pre-approver', 'supervisor'] },
    },
  },
  start: 'route',
  nodes: {
    route: {
      type: 'exclusive',
      branches: [
        { when: { field: 'route', equals: 'pre-approver' }, to: 'pre-approval' },
        { when: { field: 'route', equals: 'supervisor' }, to: 'supervisor' },
      ],
      otherwise: 'administration',
    },
    administration: {
      type: 'approval',
      title: { en: 'Check by administration', id: 'Pemeriksaan administrasi' },
      candidates: [{ role: 'finance-administration', within: 'school' }, { role: 'finance-administration', within: 'foundation' }],
      to: 'budget',
    },
    budget: { type: 'exclusive', branches: [{ when: { field: 'route', equals: 'administration-and-budget' }, to: 'budget-owner' }], otherwise: 'supervisor' },
    'budget-owner': {
      type: 'approval',
      title: { en: 'Approval by the budget owner', id: 'Persetujuan pemilik anggaran' },
      candidates: [{ role: 'budget-owner', within: 'school' }, { role: 'budget-owner', within: 'foundation' }],
      to: 'supervisor',
    },
    'pre-approval': {
      type: 'approval',
      title: { en: 'Pre-approval', id: 'Persetujuan awal' },
      candidates: [{ role: 'pre-approver', within: 'school' }, { role: 'pre-approver', within: 'foundation' }],
      to: 'supervisor',
    },
    supervisor: { type: 'approval', title: { en: 'Final approval by the supervisor', id: 'Persetujuan akhir atasan' }, candidates: [{ relation: 'head-of-unit' }], to: 'payment-request' },
    'payment-request': { type: 'service', title: { en: 'Payment is requested', id: 'Permintaan pembayaran' }, to: 'payment' },
    payment: { type: 'service', title: { en: 'Payment is handled', id: 'Pembayaran diproses' }, to: 'done' },
    done: { type: 'end' },
  },
};
