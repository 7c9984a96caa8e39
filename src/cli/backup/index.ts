import { parseArgs } from 'node:util';
import { backupConfigOrExit } from '../../platform/config';
import { Backups, type Manifest } from './backups';

const USAGE = `usage: gloria backup run                          dump, encrypt, upload, then let go of what retention no longer keeps
       gloria backup list                         finished backups
       gloria backup verify [<id>|latest]         restore into a database made for it, compare, drop it
       gloria backup restore <id>|latest --into <database URL>   into an empty database
       gloria backup restore <id>|latest --paths-below <folder>  the folders and files
       gloria backup prune                        let go only

Variables: scripts/host/backup.env.example, from the environment or the file BACKUP_ENV_FILE. Exit code 0 only where all of it
was done; the last line of output is the backup's id.
`;

const summary = ({ id, server, rows, files }: Manifest) =>
  `${id}: PostgreSQL ${server}, ${Object.values(rows).reduce((sum, each) => sum + each, 0)} rows in ${Object.keys(rows).length} tables, ${files.reduce((sum, { bytes }) => sum + bytes, 0)} bytes encrypted`;

export async function backup(args: string[]): Promise<void> {
  const { values, positionals } = parseArgs({ args, allowPositionals: true, options: { into: { type: 'string' }, 'paths-below': { type: 'string' }, help: { type: 'boolean' } } });
  const [action, wanted = 'latest'] = positionals;
  const known = ['run', 'list', 'verify', 'restore', 'prune'];
  if (values.help || !action || !known.includes(action) || (action === 'restore' && (positionals.length < 2 || (values.into === undefined) === (values['paths-below'] === undefined)))) {
    process.stderr.write(USAGE);
    process.exit(values.help ? 0 : 64);
  }
  const say = (text: string) => void process.stdout.write(`${text}\n`);
  const backups = new Backups(backupConfigOrExit(), (text) => say(`· ${text}`));
  try {
    if (action === 'list') for (const { id, at } of await backups.list()) say(`${id}  ${at.toISOString()}`);
    if (action === 'prune') say(`let go of ${(await backups.prune()).join(', ') || 'nothing'}`);
    if (action === 'restore') say(summary(values.into === undefined ? await backups.restorePaths(wanted, values['paths-below']!) : await backups.restore(wanted, values.into)));
    if (action === 'verify') say(`✔ restored and equal: ${summary(await backups.verify(wanted))}`);
    if (action === 'run') {
      const manifest = await backups.run();
      say(summary(manifest));
      const gone = await backups.prune();
      if (gone.length > 0) say(`let go of ${gone.join(', ')}`);
      say(manifest.id);
    }
  } finally {
    backups.close();
  }
}
