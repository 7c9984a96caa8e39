import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { root } from '../support/documents';

describe('every script', () => {
  const scripts = ['deploy.sh', 'rollback.sh', ...['scripts', 'scripts/host', 'docker'].flatMap((dir) => readdirSync(join(root, dir)).filter((name) => name.endsWith('.sh')).map((name) => `${dir}/${name}`))];

  it('passes shellcheck, and can be executed', () => {
    spawnSync(process.execPath, ['--input-type=module', '-e', `import { ensurePackages } from '${root}/scripts/debian.mjs'; ensurePackages(['shellcheck', 'systemd']);`], { stdio: 'inherit' });
    expect(scripts.length).toBeGreaterThan(10);
    const { status, stdout } = spawnSync('shellcheck', scripts, { cwd: root, encoding: 'utf8' });
    expect([status, stdout]).toEqual([0, '']);
    expect(scripts.filter((script) => spawnSync('test', ['-x', join(root, script)]).status !== 0)).toEqual([]);
  }, 120_000);

  it('says how it is used where it is used wrongly, and changes nothing', () => {
    for (const [script, ...args] of [['deploy.sh', '--nonsense'], ['rollback.sh', 'not-a-version'], ['scripts/maintenance.sh'], ['scripts/update-kit.sh', 'main'], ['scripts/recover-database.sh'], ['scripts/failover.sh', '--nonsense'], ['scripts/host/setup.sh'], ['scripts/certificate.sh'], ['scripts/backup.sh']] as const) {
      const { status, stderr } = spawnSync(join(root, script), args, { cwd: tmpdir(), encoding: 'utf8', env: { PATH: process.env.PATH, GLORIA_HOME: '/nonexistent' } });
      expect([script, [64, 66, 78].includes(status ?? 0), stderr.length > 10]).toEqual([script, true, true]);
    }
  });

  it('that systemd starts is a unit systemd accepts', () => {
    const dir = mkdtempSync(join(tmpdir(), 'gloria-units-'));
    const units = readdirSync(join(root, 'scripts/host')).filter((name) => /\.(service|timer)$/.test(name));
    const words: Record<string, string> = { home: '/srv/gloria', pm2: '/bin/true', kit: root };
    for (const name of units) writeFileSync(join(dir, name.replace('@.', '@full.')), readFileSync(join(root, 'scripts/host', name), 'utf8').replace(/\{(home|pm2|kit)\}/g, (_, word: string) => words[word]!));
    expect(units.length).toBe(8);
    const { status, stdout, stderr, error } = spawnSync('systemd-analyze', ['verify', ...units.map((name) => join(dir, name.replace('@.', '@full.')))], { encoding: 'utf8' });
    if (error) throw error;
    expect([status, `${stdout}${stderr}`]).toEqual([0, '']);
  });
});
