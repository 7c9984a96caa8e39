import type { WebhookDelivery, WebhookEndpoint } from '../../platform/database';
import { type AuditEvent, difference, plain } from '../audit';

const FIELDS = ['name', 'url', 'events', 'enabled'] as const;
const target = (id: string): AuditEvent['target'] => ({ type: 'webhook_endpoint', id });

export const endpointMade = (row: WebhookEndpoint): AuditEvent => ({ action: 'webhook_endpoint.created', target: target(row.id), after: Object.fromEntries(FIELDS.map((field) => [field, plain(row[field])])) });

/** null where nothing recorded has changed. */
export function endpointChanged(before: WebhookEndpoint, after: WebhookEndpoint): AuditEvent | null {
  const diff = difference({ ...before }, { ...after }, FIELDS);
  return diff && { action: 'webhook_endpoint.changed', target: target(after.id), ...diff };
}

export const secretRenewed = (id: string): AuditEvent => ({ action: 'webhook_endpoint.secret_renewed', target: target(id) });

export const endpointDeleted = (row: WebhookEndpoint): AuditEvent => ({ action: 'webhook_endpoint.deleted', target: target(row.id), before: { name: row.name, url: row.url } });

export const deliveryRetried = (row: WebhookDelivery): AuditEvent => ({ action: 'webhook_endpoint.delivery_retried', target: target(row.endpointId), after: { deliveryId: row.id, type: row.type } });
