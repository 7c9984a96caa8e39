import type { MailChoice, NotificationPreference } from '../../platform/database';
import { type Kind, KIND_NAMES, KINDS } from './kinds';
import type { PreferencesView } from './notifications.dto';
import type { Quiet } from './timing';

/** How somebody wants to be told, with what they left out put in. */
export interface Preferences {
  timezone: string | null;
  quiet: Quiet | null;
  digestAt: number;
  mail: Readonly<Partial<Record<Kind, MailChoice>>>;
}

export function preferencesOf(row: Pick<NotificationPreference, 'timezone' | 'quietFrom' | 'quietUntil' | 'digestAt' | 'mail'> | null): Preferences {
  return {
    timezone: row?.timezone ?? null,
    quiet: row?.quietFrom == null || row.quietUntil == null ? null : { from: row.quietFrom, until: row.quietUntil },
    digestAt: row?.digestAt ?? 420,
    mail: (row?.mail ?? {}) as Preferences['mail'],
  };
}

export const choiceOf = ({ mail }: Preferences, kind: Kind): MailChoice => mail[kind] ?? KINDS[kind];

export const minuteOf = (clock: string): number => Number(clock.slice(0, 2)) * 60 + Number(clock.slice(3));

const clockOf = (minute: number) => `${String(Math.floor(minute / 60)).padStart(2, '0')}:${String(minute % 60).padStart(2, '0')}`;

export function preferencesView(preferences: Preferences, version: number, suppressed: PreferencesView['suppressed']): PreferencesView {
  const { timezone, quiet, digestAt } = preferences;
  return { timezone, quiet: quiet && { from: clockOf(quiet.from), until: clockOf(quiet.until) }, digestAt: clockOf(digestAt), mail: Object.fromEntries(KIND_NAMES.map((kind) => [kind, choiceOf(preferences, kind)])) as PreferencesView['mail'], suppressed, version };
}
