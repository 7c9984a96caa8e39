import type { Locale } from '../../access';
import type { History } from './transition';

/** What may stand in a timeline: transitions, and what is said and added beside them. */
export type Happening = History | 'changed' | 'commented' | 'attached';

/** Names in a sentence: who did it, at which step, to or for whom. */
export interface Mentioned {
  by: string;
  step: string;
  whom: string;
}

const EN: Record<Happening, (m: Mentioned) => string> = {
  submitted: ({ by }) => `${by} submitted the request`,
  resubmitted: ({ by }) => `${by} submitted the request again`,
  changed: ({ by }) => `${by} changed what is filled in`,
  voted: ({ by, step }) => `${by} voted on “${step}”`,
  approved: ({ by, step }) => `${by} approved “${step}”`,
  step_completed: ({ by, step }) => `${by} carried out “${step}”`,
  returned: ({ by, step, whom }) => `${by} sent it back from “${step}”${whom && ` to “${whom}”`}`,
  rejected: ({ by, step }) => `${by} rejected it at “${step}”`,
  withdrawn: ({ by }) => `${by} withdrew the request`,
  taken_back: ({ by, step }) => `${by} took back their answer to “${step}”`,
  claimed: ({ by, step }) => `${by} took on “${step}”`,
  released: ({ by, step }) => `${by} gave “${step}” back to all who are asked`,
  information_asked: ({ by, step }) => `${by} asked for information before “${step}”`,
  information_given: ({ by, step }) => `${by} gave the information asked for at “${step}”`,
  transferred: ({ by, step, whom }) => `${by} handed “${step}” on to ${whom}`,
  delegated: ({ by, step, whom }) => `${by} lets ${whom} decide “${step}” in their place`,
  undelegated: ({ by, step, whom }) => `${by} decides “${step}” without ${whom} again`,
  signer_added: ({ by, step, whom }) => `${by} asked ${whom} to sign “${step}” as well`,
  signer_removed: ({ by, step, whom }) => `${by} no longer asks ${whom} at “${step}”`,
  skipped: ({ by, step }) => `${by} went on without an answer to “${step}”`,
  suspended: ({ by }) => `${by} halted the request`,
  resumed: ({ by }) => `${by} let the request go on`,
  cancelled: ({ by }) => `${by} ended the request`,
  timer_fired: ({ step }) => `The time of “${step}” came`,
  time_ran_out: ({ step }) => `Time ran out at “${step}”`,
  message_received: ({ step }) => `A message came for “${step}”`,
  compensated: ({ by, step }) => `${by} undid what was done: “${step}”`,
  part_completed: ({ step }) => `A request filed by “${step}” was completed`,
  part_ended: ({ step }) => `A request filed by “${step}” ended without being completed`,
  step_failed: ({ by, step }) => `${by} could not carry out “${step}”`,
  reminded: ({ step }) => `Whoever is asked was reminded of “${step}”`,
  overdue: ({ step }) => `“${step}” became overdue`,
  escalated: ({ step, whom }) => `“${step}” went to ${whom || 'others'} as well`,
  commented: ({ by }) => `${by} commented`,
  attached: ({ by, whom }) => `${by} attached ${whom}`,
};

const ID: Record<Happening, (m: Mentioned) => string> = {
  submitted: ({ by }) => `${by} mengajukan permintaan`,
  resubmitted: ({ by }) => `${by} mengajukan kembali permintaan`,
  changed: ({ by }) => `${by} mengubah isian`,
  voted: ({ by, step }) => `${by} memberikan suara pada “${step}”`,
  approved: ({ by, step }) => `${by} menyetujui “${step}”`,
  step_completed: ({ by, step }) => `${by} melaksanakan “${step}”`,
  returned: ({ by, step, whom }) => `${by} mengembalikannya dari “${step}”${whom && ` ke “${whom}”`}`,
  rejected: ({ by, step }) => `${by} menolaknya pada “${step}”`,
  withdrawn: ({ by }) => `${by} menarik permintaan`,
  taken_back: ({ by, step }) => `${by} membatalkan jawabannya atas “${step}”`,
  claimed: ({ by, step }) => `${by} mengambil “${step}”`,
  released: ({ by, step }) => `${by} melepaskan “${step}” untuk semua yang diminta`,
  information_asked: ({ by, step }) => `${by} meminta keterangan sebelum “${step}”`,
  information_given: ({ by, step }) => `${by} memberikan keterangan yang diminta pada “${step}”`,
  transferred: ({ by, step, whom }) => `${by} mengalihkan “${step}” kepada ${whom}`,
  delegated: ({ by, step, whom }) => `${by} mengizinkan ${whom} memutuskan “${step}” atas namanya`,
  undelegated: ({ by, step, whom }) => `${by} kembali memutuskan “${step}” tanpa ${whom}`,
  signer_added: ({ by, step, whom }) => `${by} meminta ${whom} turut menandatangani “${step}”`,
  signer_removed: ({ by, step, whom }) => `${by} tidak lagi meminta ${whom} pada “${step}”`,
  skipped: ({ by, step }) => `${by} melanjutkan tanpa jawaban atas “${step}”`,
  suspended: ({ by }) => `${by} menghentikan sementara permintaan`,
  resumed: ({ by }) => `${by} melanjutkan permintaan`,
  cancelled: ({ by }) => `${by} mengakhiri permintaan`,
  timer_fired: ({ step }) => `Waktu “${step}” tiba`,
  time_ran_out: ({ step }) => `Waktu habis pada “${step}”`,
  message_received: ({ step }) => `Pesan diterima untuk “${step}”`,
  compensated: ({ by, step }) => `${by} membatalkan yang telah dilaksanakan: “${step}”`,
  part_completed: ({ step }) => `Permintaan yang diajukan oleh “${step}” selesai`,
  part_ended: ({ step }) => `Permintaan yang diajukan oleh “${step}” berakhir tanpa diselesaikan`,
  step_failed: ({ by, step }) => `${by} tidak dapat melaksanakan “${step}”`,
  reminded: ({ step }) => `Yang diminta diingatkan akan “${step}”`,
  overdue: ({ step }) => `“${step}” melewati batas waktu`,
  escalated: ({ step, whom }) => `“${step}” juga diteruskan kepada ${whom || 'orang lain'}`,
  commented: ({ by }) => `${by} berkomentar`,
  attached: ({ by, whom }) => `${by} melampirkan ${whom}`,
};

export const HAPPENINGS = Object.keys(EN) as Happening[];

/** A sentence in somebody's language. */
export const sentenceOf = (event: Happening, mentioned: Mentioned, locale: Locale): string => (locale === 'en' ? EN : ID)[event](mentioned);
