// node scripts/render-nginx.mjs: writes nginx's configuration for this host (GLORIA_HOME) from nginx/nginx.conf.template
// and host.conf. Run when either changes, then reload nginx. --check only says whether a rendering is up to date.
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { homeOrRefuse, main } from './deploy/cli.mjs';
import { writeWhole } from './deploy/host.mjs';
import { Refusal } from './deploy/refusal.mjs';

const templates = join(new URL('.', import.meta.url).pathname, '..', 'nginx');

await main(() => {
  const host = homeOrRefuse();
  const dir = join(host.home, 'nginx');
  const { settings } = host;
  const networks = (value) => value.split(',').map((part) => part.trim()).filter(Boolean);
  const values = {
    ...settings,
    CONF_DIR: dir,
    LIVE_DIR: join(host.home, 'live'),
    NGINX_TEMP: join(dir, 'temp'),
    NGINX_USER: settings.NGINX_USER === 'none' ? '# nginx runs as the user who starts it' : `user ${settings.NGINX_USER};`,
    ACCESS_LOG: host.accessLog,
    ERROR_LOG: join(host.nginxLogs, 'nginx-error.log'),
    BURST: String(4 * Number(settings.RATE_PER_SECOND)),
    PUBLIC_PORT: settings.HTTPS_PORT === '443' ? '' : `:${settings.HTTPS_PORT}`,
  };
  const files = {
    'nginx.conf': fill(readFileSync(join(templates, 'nginx.conf.template'), 'utf8'), values),
    'problem.conf': readFileSync(join(templates, 'problem.conf'), 'utf8'),
    'operators.conf': networks(settings.OPERATOR_CIDRS).map((cidr) => `${cidr} 1;\n`).join(''),
    'trusted-proxies.conf': networks(settings.TRUSTED_PROXIES).map((cidr) => `set_real_ip_from ${cidr};\n`).join('') + (settings.TRUSTED_PROXIES ? 'real_ip_header X-Forwarded-For;\nreal_ip_recursive on;\n' : ''),
  };
  const stale = Object.entries(files).filter(([name, text]) => !existsSync(join(dir, name)) || readFileSync(join(dir, name), 'utf8') !== text).map(([name]) => name);
  if (process.argv.includes('--check')) {
    if (stale.length > 0) throw new Refusal(1, `nginx is not configured as this release has it (${stale.join(', ')}): node scripts/render-nginx.mjs`);
    process.stdout.write('nginx is configured as this release has it.\n');
    return 0;
  }
  for (const folder of [join(dir, 'temp'), host.nginxLogs]) mkdirSync(folder, { recursive: true });
  for (const name of stale) writeWhole(join(dir, name), files[name]);
  // Until the first deployment there is nobody to send requests to: port 9 (discard) answers 502.
  if (!existsSync(host.upstream)) writeWhole(host.upstream, 'server 127.0.0.1:9 max_fails=0;\n');
  process.stdout.write(`${stale.length === 0 ? 'Nothing has changed' : `Wrote ${stale.join(', ')}`} in ${dir}. Now: ${settings.NGINX_TEST} && ${settings.NGINX_RELOAD}\n`);
  return 0;
});

/** Fills in ${NAME}; a name without a value ends the rendering. nginx's own $variables are lower case. */
function fill(template, values) {
  return template.replace(/\$\{([A-Z_]+)\}/g, (_, name) => {
    if (values[name] === undefined) throw new Refusal(70, `nginx.conf.template wants ${name}, which has no value`);
    return values[name];
  });
}
