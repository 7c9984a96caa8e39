interface Demonstrated {
  handle: string;
  name: string;
  posts: string[];
}

const escapeHtml = (text: string) => text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);

/** One button a person; a click signs in and opens Swagger. */
export function signInPage(people: readonly Demonstrated[]): string {
  const cards = people
    .map(({ handle, name, posts }) => `<li><button data-person="${escapeHtml(handle)}"><b>${escapeHtml(name)}</b><code>${escapeHtml(handle)}</code>${posts.map((post) => `<span>${escapeHtml(post)}</span>`).join('')}</button></li>`)
    .join('');
  return `<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>Gloria – development sign-in</title>
<style>
body{font:16px/1.5 system-ui,sans-serif;margin:0;background:#f4f5f2;color:#1d2a22}main{max-width:60rem;margin:0 auto;padding:3rem 1.5rem}
h1{font-size:1.5rem;margin:0}p{margin:.25rem 0 2rem;color:#55635a}ul{list-style:none;padding:0;display:grid;gap:.75rem;grid-template-columns:repeat(auto-fill,minmax(17rem,1fr))}
button{all:unset;box-sizing:border-box;width:100%;height:100%;cursor:pointer;background:#fff;border:1px solid #d5dad4;border-radius:.5rem;padding:.9rem 1rem}
button:hover,button:focus-visible{border-color:#1f7a4d;box-shadow:0 0 0 2px #1f7a4d33}b{display:inline-block;margin-right:.5rem}code{color:#1f7a4d}span{display:block;color:#55635a;font-size:.875rem}
#note{min-height:1.5rem;color:#a33}
</style></head><body><main><h1>Sign in as</h1><p>Development only: whoever you choose, Swagger opens signed in as them.</p><div id="note" role="status"></div>
<ul>${cards || '<li>Nobody is linked yet.</li>'}</ul></main><script src="/dev/sign-in.js"></script></body></html>`;
}

export const signInScript = `'use strict';
addEventListener('click', async (event) => {
  const button = event.target.closest('button[data-person]');
  if (!button) return;
  const answer = await fetch('/dev/tokens', { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ person: button.dataset.person }) });
  if (!answer.ok) { document.getElementById('note').textContent = 'Not signed in: HTTP ' + answer.status; return; }
  const { sessionId } = await answer.json();
  localStorage.setItem('gloria-dev-session', JSON.stringify({ person: button.dataset.person, sessionId }));
  location.href = '/docs';
});
`;

/** Gives Swagger a fresh token now and every 40 s, as Clerk's own front-end code does. */
export const swaggerScript = `'use strict';
const refresh = async () => {
  const session = JSON.parse(localStorage.getItem('gloria-dev-session') || 'null');
  if (!session || !window.ui) return;
  const answer = await fetch('/dev/tokens', { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(session) });
  if (answer.ok) window.ui.preauthorizeApiKey('session', (await answer.json()).token);
  else localStorage.removeItem('gloria-dev-session');
};
addEventListener('load', () => setTimeout(refresh, 300));
setInterval(refresh, 40000);
`;
