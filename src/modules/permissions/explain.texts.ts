import type { Locale } from '../../access';

/** What explanations say, in both languages; `{name}` is replaced. */
const TEXTS = {
  allowed: { en: '{person} may {permission}: {why}.', id: '{person} boleh {permission}: {why}.' },
  refused: { en: '{person} may not {permission}: {why}.', id: '{person} tidak boleh {permission}: {why}.' },
  'why-allow': { en: 'a grant with scope {scope} reaches it', id: 'pemberian izin dengan cakupan {scope} mencapainya' },
  'why-lent': { en: 'it was lent by {lender}', id: 'dipinjamkan oleh {lender}' },
  'why-deny': { en: 'a grant denies it', id: 'sebuah pemberian melarangnya' },
  'why-lender-denied': { en: 'it is denied to {lender}, who lent it', id: 'hal itu dilarang bagi {lender} yang meminjamkannya' },
  'why-not-held': { en: 'nothing grants it', id: 'tidak ada yang memberikannya' },
  'why-out-of-scope': { en: 'it is granted for other rows only (scope {scopes})', id: 'izin hanya diberikan untuk data lain (cakupan {scopes})' },
  'why-condition-unmet': { en: 'a condition of the grant is not met', id: 'syarat pemberian izin tidak terpenuhi' },
  delegation: { en: 'lent by {lender}', id: 'dipinjamkan oleh {lender}' },
  appointment: { en: 'holds the position {position}', id: 'memegang jabatan {position}' },
  role_assignment: { en: 'has the role {role}', id: 'memiliki peran {role}' },
  role_inheritance: { en: '{senior} inherits {junior}', id: '{senior} mewarisi {junior}' },
  'grant-allow': { en: 'allows {permission}, scope {scope}{limits}', id: 'mengizinkan {permission}, cakupan {scope}{limits}' },
  'grant-deny': { en: 'denies {permission}, scope {scope}{limits}', id: 'melarang {permission}, cakupan {scope}{limits}' },
  'limit-row': { en: ', for one {type} only', id: ', hanya untuk satu {type}' },
  'limit-type': { en: ', for rows of kind {type} only', id: ', hanya untuk data jenis {type}' },
  'limit-condition': { en: ', under a condition', id: ', dengan syarat' },
  'missing-grant': { en: 'A grant of {permission} that reaches it: {smallest}.', id: 'Pemberian {permission} yang mencapainya: {smallest}.' },
  'missing-condition': { en: 'That the condition of a grant is met: {unmet}.', id: 'Terpenuhinya syarat sebuah pemberian: {unmet}.' },
  'missing-deny': { en: 'That the denial is revoked or ends.', id: 'Dicabut atau berakhirnya larangan.' },
  'missing-later': { en: 'Time: it will be allowed from {from}.', id: 'Waktu: akan diizinkan mulai {from}.' },
  'smallest-own': { en: 'scope own', id: 'cakupan own' },
  'smallest-node': { en: 'scope node, for the unit it lies in', id: 'cakupan node, untuk unit tempatnya berada' },
  'smallest-all': { en: 'scope all', id: 'cakupan all' },
} as const satisfies Record<string, Record<Locale, string>>;

export type TextKey = keyof typeof TEXTS;

export function say(locale: Locale, key: TextKey, values: Readonly<Record<string, string>> = {}): string {
  return TEXTS[key][locale].replace(/\{(\w+)\}/g, (_, name: string) => values[name] ?? name);
}
