import { spawnSync } from 'node:child_process';
import { chmodSync, copyFileSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
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

  it('for containers makes secrets that fit together once, and a database that takes them', () => {
    spawnSync(process.execPath, ['--input-type=module', '-e', `import { ensurePackages } from '${root}/scripts/debian.mjs'; ensurePackages(['postgresql-15', 'openssl']);`], { stdio: 'inherit' });
    const dir = mkdtempSync(join(tmpdir(), 'gloria-containers-'));
    const run = (command: string, args: string[], env: Record<string, string> = {}) => {
      const { status, stdout, stderr } = spawnSync(command, args, { encoding: 'utf8', cwd: dir, env: { PATH: process.env.PATH, ...env } });
      expect([command, args[0], status, stderr]).toEqual([command, args[0], 0, expect.any(String)]);
      return stdout;
    };
    const asServer = (program: string, ...args: string[]) => run('runuser', ['-u', 'postgres', '--', `/usr/lib/postgresql/15/bin/${program}`, ...args]);
    const data = join(dir, 'data');
    try {
      chmodSync(dir, 0o755);
      mkdirSync(join(dir, 'docker'));
      copyFileSync(join(root, 'docker/make-secrets.sh'), join(dir, 'docker/make-secrets.sh'));
      const secrets = join(dir, 'docker/secrets');
      const first = run(join(dir, 'docker/make-secrets.sh'), []);
      expect(first.match(/still yours/g)).toHaveLength(3);
      const read = () => Object.fromEntries(readdirSync(secrets).map((name) => [name, readFileSync(join(secrets, name), 'utf8')]));
      const made = read();
      expect(Object.keys(made).toSorted()).toEqual(['app_password', 'database_url', 'encryption_key', 'migration_database_url', 'owner_password', 'postgres_password', 'redis_acl', 'redis_url']);
      for (const name of Object.keys(made)) expect([name, (statSync(join(secrets, name)).mode & 0o777).toString(8)]).toEqual([name, '400']);
      expect([made.database_url!.includes(`:${made.app_password}@`), made.migration_database_url!.includes(`:${made.owner_password}@`), made.redis_acl!.includes(`>${/gloria:([^@]+)@/.exec(made.redis_url!)![1]} `)]).toEqual([true, true, true]);
      run(join(dir, 'docker/make-secrets.sh'), []);
      expect(read()).toEqual(made);

      mkdirSync(data);
      run('chown', ['postgres:', data]);
      asServer('initdb', '-D', data, '-U', 'postgres', '-A', 'trust');
      asServer('pg_ctl', '-D', data, '-w', '-l', join(data, 'log'), '-o', `-c listen_addresses='' -c unix_socket_directories=${data}`, 'start');
      run(join(root, 'docker/postgres-init.sh'), [], { PGHOST: data, GLORIA_SQL: join(root, 'prisma'), GLORIA_SECRETS: secrets });
      const answer = run('psql', ['-XAtq', '-h', data, '-U', 'postgres', '-d', 'gloria', '-c', `SELECT (SELECT pg_get_userbyid(datdba) FROM pg_database WHERE datname = 'gloria'), (SELECT string_agg(rolname, ',' ORDER BY rolname) FROM pg_authid WHERE rolname LIKE 'gloria%' AND rolpassword LIKE 'SCRAM%')`]);
      expect(answer.trim()).toBe('gloria_owner|gloria_app,gloria_owner');
    } finally {
      spawnSync('runuser', ['-u', 'postgres', '--', '/usr/lib/postgresql/15/bin/pg_ctl', '-D', data, '-m', 'immediate', 'stop']);
      rmSync(dir, { recursive: true, force: true });
    }
  }, 120_000);
});
