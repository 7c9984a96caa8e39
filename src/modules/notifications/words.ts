import { DateTime } from 'luxon';
import type { Locale } from '../../access';
import type { Facts, Kind } from './kinds';

interface Told {
  title: string;
  body: string;
}

/** Names in a sentence: the request, the step, who filed it, who did it, by when. */
interface Words {
  what: string;
  step: string;
  initiator: string;
  by: string;
  due: string;
  said: Told;
}

const EN: Record<Kind, (w: Words) => Told> = {
  'step.asked': ({ what, step, initiator, due }) => ({ title: `${what}: your decision is asked for`, body: `${initiator} filed ${what}; “${step}” waits for you${due && ` until ${due}`}.` }),
  'step.reminded': ({ what, step, initiator, due }) => ({ title: `${what}: still waits for you`, body: `“${step}” of ${what} by ${initiator} is to be decided by ${due || 'now'}.` }),
  'step.overdue': ({ what, step, initiator, due }) => ({ title: `${what}: overdue`, body: `“${step}” of ${what} by ${initiator} was to be decided by ${due || 'now'}.` }),
  'step.nudged': ({ what, step, by }) => ({ title: `${what}: ${by} asks you to look at it`, body: `${by} would like “${step}” of ${what} to be decided.` }),
  'request.information_asked': ({ what, step, by }) => ({ title: `${what}: a question for you`, body: `${by} needs to know more before “${step}” can be decided.` }),
  'request.information_given': ({ what, step, by }) => ({ title: `${what}: your question is answered`, body: `${by} has answered; “${step}” waits for you again.` }),
  'request.returned': ({ what, by }) => ({ title: `${what}: sent back to you`, body: `${by} sent your request back. Change it and submit it again, or withdraw it.` }),
  'request.completed': ({ what, initiator }) => ({ title: `${what}: approved`, body: `The request by ${initiator} is completed.` }),
  'request.rejected': ({ what, initiator, by }) => ({ title: `${what}: rejected`, body: `The request by ${initiator} was rejected by ${by}.` }),
  'request.cancelled': ({ what, initiator, by }) => ({ title: `${what}: cancelled`, body: `The request by ${initiator} was cancelled by ${by}.` }),
  'request.message': ({ said }) => said,
  'request.commented': ({ what, by }) => ({ title: `${what}: a comment`, body: `${by} commented on the request.` }),
  'request.copied_in': ({ what, by, initiator }) => ({ title: `${what}: you are copied in`, body: `${by} lets you follow the request by ${initiator}.` }),
};

const ID: Record<Kind, (w: Words) => Told> = {
  'step.asked': ({ what, step, initiator, due }) => ({ title: `${what}: keputusan Anda diminta`, body: `${initiator} mengajukan ${what}; “${step}” menunggu Anda${due && ` sampai ${due}`}.` }),
  'step.reminded': ({ what, step, initiator, due }) => ({ title: `${what}: masih menunggu Anda`, body: `“${step}” dari ${what} oleh ${initiator} perlu diputuskan sebelum ${due || 'sekarang'}.` }),
  'step.overdue': ({ what, step, initiator, due }) => ({ title: `${what}: lewat waktu`, body: `“${step}” dari ${what} oleh ${initiator} seharusnya diputuskan sebelum ${due || 'sekarang'}.` }),
  'step.nudged': ({ what, step, by }) => ({ title: `${what}: ${by} meminta perhatian Anda`, body: `${by} berharap “${step}” dari ${what} segera diputuskan.` }),
  'request.information_asked': ({ what, step, by }) => ({ title: `${what}: ada pertanyaan untuk Anda`, body: `${by} memerlukan keterangan sebelum “${step}” dapat diputuskan.` }),
  'request.information_given': ({ what, step, by }) => ({ title: `${what}: pertanyaan Anda dijawab`, body: `${by} telah menjawab; “${step}” kembali menunggu Anda.` }),
  'request.returned': ({ what, by }) => ({ title: `${what}: dikembalikan kepada Anda`, body: `${by} mengembalikan permohonan Anda. Perbaiki lalu ajukan lagi, atau tarik kembali.` }),
  'request.completed': ({ what, initiator }) => ({ title: `${what}: disetujui`, body: `Permohonan ${initiator} telah selesai.` }),
  'request.rejected': ({ what, initiator, by }) => ({ title: `${what}: ditolak`, body: `Permohonan ${initiator} ditolak oleh ${by}.` }),
  'request.cancelled': ({ what, initiator, by }) => ({ title: `${what}: dibatalkan`, body: `Permohonan ${initiator} dibatalkan oleh ${by}.` }),
  'request.message': ({ said }) => said,
  'request.commented': ({ what, by }) => ({ title: `${what}: ada komentar`, body: `${by} mengomentari permohonan ini.` }),
  'request.copied_in': ({ what, by, initiator }) => ({ title: `${what}: Anda disertakan`, body: `${by} menyertakan Anda pada permohonan ${initiator}.` }),
};

/** What somebody is told, in their language; `names`: of people by their ids. */
export function told(kind: Kind, facts: Facts, { locale, zone, names }: { locale: Locale; zone: string; names: ReadonlyMap<string, string> }): Told {
  const name = (id: string | undefined) => (id === undefined ? 'Gloria' : (names.get(id) ?? (locale === 'en' ? 'somebody' : 'seseorang')));
  const due = facts.dueAt ? DateTime.fromISO(facts.dueAt, { zone }).setLocale(locale).toLocaleString(DateTime.DATETIME_MED) : '';
  return (locale === 'en' ? EN : ID)[kind]({ what: facts.definition[locale], step: facts.step?.[locale] ?? '', initiator: name(facts.initiator), by: name(facts.by), due, said: { title: facts.said?.subject[locale] ?? '', body: facts.said?.text[locale] ?? '' } });
}

const LINES = {
  en: { open: 'Open the request', decide: 'Decide by this link – whoever has it can, so do not pass this mail on', many: (n: number) => `${n} things happened`, why: 'You get this mail because of your notification settings in Gloria.' },
  id: { open: 'Buka permohonan', decide: 'Putuskan lewat tautan ini – siapa pun yang memilikinya bisa, jadi jangan teruskan surel ini', many: (n: number) => `${n} hal terjadi`, why: 'Anda menerima surel ini sesuai pengaturan pemberitahuan Anda di Gloria.' },
};

/** One mail about one thing, or about several. */
export function mailOf(items: readonly (Told & { link: string | null; decide: string | null })[], locale: Locale): { subject: string; text: string; html: string } {
  const lines = LINES[locale];
  const subject = items.length === 1 ? items[0]!.title : lines.many(items.length);
  const text = [...items.map(({ title, body, link, decide }) => [title, body, ...(link ? [link] : []), ...(decide ? ['', `${lines.decide}:`, decide] : [])].join('\n')), '--', lines.why].join('\n\n');
  const anchor = (to: string | null, text: string) => (to ? `<p style="margin:8px 0 0"><a href="${escaped(to)}" style="color:#27548a">${text}</a></p>` : '');
  const part = ({ title, body, link, decide }: (typeof items)[number]) => `<h2 style="font-size:16px;margin:24px 0 4px">${escaped(title)}</h2><p style="margin:0">${escaped(body)}</p>${anchor(link, lines.open)}${anchor(decide, lines.decide)}`;
  const html = `<!doctype html><html lang="${locale}"><meta charset="utf-8"><body style="font-family:system-ui,sans-serif;font-size:15px;line-height:1.5;color:#1c2430;max-width:560px">${items.map(part).join('')}<p style="margin-top:32px;font-size:12px;color:#5b6470">${lines.why}</p></body></html>`;
  // A subject is one line, whatever titles and names hold.
  return { subject: subject.replace(/\s+/g, ' ').slice(0, 200), text, html };
}

const escaped = (text: string) => text.replace(/[&<>"']/g, (each) => `&#${each.charCodeAt(0)};`);
