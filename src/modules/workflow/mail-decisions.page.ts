import { createHash } from 'node:crypto';

/** Reads the token from behind the `#`, shows what it is about, and posts what its reader decides. Text is set as text only. */
const SCRIPT = `
'use strict';
const WORDS = {
  en: { asks: 'filed', step: 'Your decision as', due: 'To be decided by', comment: 'Comment', needed: 'Say why when you reject.', approve: 'Approve', reject: 'Reject', open: 'Open the request', approved: 'Approved. You can close this page.', rejected: 'Rejected. You can close this page.', unreachable: 'Gloria cannot be reached. Try again in a while; nothing was decided.' },
  id: { asks: 'mengajukan', step: 'Keputusan Anda sebagai', due: 'Diputuskan sebelum', comment: 'Komentar', needed: 'Beri alasan bila menolak.', approve: 'Setujui', reject: 'Tolak', open: 'Buka permohonan', approved: 'Disetujui. Halaman ini boleh ditutup.', rejected: 'Ditolak. Halaman ini boleh ditutup.', unreachable: 'Gloria tidak dapat dihubungi. Coba lagi nanti; belum ada yang diputuskan.' },
};
const token = location.hash.slice(1);
let words = WORDS[navigator.language.startsWith('id') ? 'id' : 'en'];
const at = (id) => document.getElementById(id);
const say = (text, bad) => { at('said').textContent = text; at('said').className = bad ? 'bad' : ''; };
async function post(path, body) {
  let answer;
  try {
    answer = await fetch('/api/v1/mail-decisions' + path, { method: 'POST', headers: { 'Content-Type': 'application/json', 'Accept-Language': navigator.language }, body: JSON.stringify(body) });
    const read = await answer.json();
    return answer.ok ? read : (say(read.detail, true), null);
  } catch { say(words.unreachable, true); return null; }
}
function line(list, label, value) {
  const dt = document.createElement('dt'); dt.textContent = label;
  const dd = document.createElement('dd'); dd.textContent = value;
  list.append(dt, dd);
}
async function decide(verb) {
  const comment = at('comment').value.trim();
  if (verb === 'reject' && !comment) { say(words.needed, true); at('comment').focus(); return; }
  for (const id of ['approve', 'reject']) at(id).disabled = true;
  if (await post('', { token, verb, ...(comment ? { comment } : {}) })) { at('form').hidden = true; say(words[verb === 'approve' ? 'approved' : 'rejected']); history.replaceState(null, '', location.pathname); }
  else for (const id of ['approve', 'reject']) at(id).disabled = false;
}
async function show() {
  const about = await post('/shown', { token: token || '-' });
  if (!about) return;
  words = WORDS[about.locale];
  document.documentElement.lang = about.locale;
  say('');
  at('title').textContent = about.initiator + ' ' + words.asks + ' ' + about.definition;
  at('step').textContent = words.step + ' ' + about.reader + ': ' + about.step;
  for (const { label, value } of about.fields) line(at('fields'), label, value);
  if (about.dueAt) line(at('fields'), words.due, new Date(about.dueAt).toLocaleString(about.locale));
  at('label').textContent = words.comment;
  for (const verb of ['approve', 'reject']) { at(verb).textContent = words[verb]; at(verb).addEventListener('click', () => decide(verb)); }
  if (about.link) { at('open').textContent = words.open; at('open').href = about.link; at('open').hidden = false; }
  at('form').hidden = false;
}
show();
`;

const STYLE = `
body { font: 16px/1.5 system-ui, sans-serif; color: #1c2430; max-width: 560px; margin: 48px auto; padding: 0 20px }
h1 { font-size: 22px; margin: 0 0 4px } p { margin: 0 0 16px } #step { color: #5b6470 }
dl { border: 1px solid #d8dee8; border-radius: 8px; padding: 12px 16px; margin: 0 0 20px } dt { font-size: 13px; color: #5b6470 } dd { margin: 0 0 8px; overflow-wrap: anywhere; white-space: pre-wrap }
textarea { width: 100%; box-sizing: border-box; font: inherit; padding: 8px; border: 1px solid #aab4c3; border-radius: 6px } label { display: block; font-size: 13px; color: #5b6470 }
button { font: inherit; padding: 10px 22px; margin: 16px 12px 16px 0; border-radius: 6px; border: 1px solid #27548a; cursor: pointer; background: #fff; color: #27548a } #approve { background: #27548a; color: #fff } button:disabled { opacity: .5 }
.bad { color: #a3262a } a { color: #27548a } [hidden] { display: none }
`;

const hash = (text: string) => `'sha256-${createHash('sha256').update(text).digest('base64')}'`;

/** Nothing but this script and this style, and no server but ours. */
export const MAIL_DECISION_POLICY = `default-src 'none'; script-src ${hash(SCRIPT)}; style-src ${hash(STYLE)}; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`;

export const MAIL_DECISION_PAGE = `<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><meta name="robots" content="noindex"><title>Gloria</title><style>${STYLE}</style></head><body>
<h1 id="title">Gloria</h1><noscript>This page needs JavaScript; or sign in to decide. Halaman ini memerlukan JavaScript; atau masuk untuk memutuskan.</noscript><p id="said" role="status"></p>
<div id="form" hidden><p id="step"></p><dl id="fields"></dl><label id="label" for="comment"></label><textarea id="comment" rows="3" maxlength="2000"></textarea><button id="approve" type="button"></button><button id="reject" type="button"></button></div>
<a id="open" hidden rel="noreferrer"></a>
<script>${SCRIPT}</script></body></html>`;
