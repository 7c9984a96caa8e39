// scripts/verify-deployment.sh: the release's own health check, told what this host should be.
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { daysLeft } from './certificate.mjs';
import { homeOrRefuse, main } from './cli.mjs';
import { activeColour, slotRelease } from './host.mjs';
import { Refusal } from './refusal.mjs';
import { releaseFolder } from './releases.mjs';

await main(() => {
  const host = homeOrRefuse();
  const colour = activeColour(host);
  const serving = colour && slotRelease(host, colour);
  if (!serving) throw new Refusal(66, 'nothing is deployed on this host');
  const check = (title, args) => {
    process.stdout.write(`${title}\n`);
    return spawnSync(process.execPath, [join(releaseFolder(host, serving), 'dist', 'health-check.js'), ...args, ...process.argv.slice(2)], { stdio: 'inherit' }).status ?? 1;
  };
  const { SERVER_NAME, HTTPS_PORT, INSTANCES, TLS_CA } = host.settings;
  const days = daysLeft(host.settings.TLS_CERTIFICATE);
  const certificate = days < 0 ? `has expired (${host.settings.TLS_CERTIFICATE}); docs/operations.md, "Certificates"` : `expires in ${days} days`;
  process.stdout.write(`certificate\n${days < 0 ? '✘' : days < 14 ? '!' : '✔'} ${certificate}\n`);
  return Math.max(
    days < 0 ? 1 : 0,
    check(`${colour}: ${serving.version}, ${INSTANCES} processes`, ['--url', `http://127.0.0.1:${host.port(colour)}`, '--commit', serving.commit, '--instances', INSTANCES, '--smoke']),
    check(`nginx: https://${SERVER_NAME}`, ['--url', `https://127.0.0.1:${HTTPS_PORT}`, '--server', SERVER_NAME, '--commit', serving.commit, '--smoke', ...(TLS_CA ? ['--ca', TLS_CA] : [])]),
    check('worker', ['--worker', host.heartbeat(colour), '--commit', serving.commit]),
  );
});
