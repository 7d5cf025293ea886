import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type IcebergRows, icebergParts, renderIceberg } from '../iceberg-page.ts';
import { type Failure, root } from './source-files.ts';

const DATA = 'docs/spec/iceberg-rest.json';
const PAGE = 'docs/reference/iceberg-rest.md';

/** Every operation, update and requirement names a test that exists, nothing else is named, and the page says so. */
export function checkIceberg(): Failure[] {
  const rows = JSON.parse(readFileSync(join(root, DATA), 'utf8')) as IcebergRows;
  const failures: Failure[] = [];
  const parts = icebergParts();
  const fail = (what: string, rule: string, mend: string) => failures.push({ file: `${DATA} ${what}`, rule, mend });
  for (const [part, names] of Object.entries(parts)) {
    for (const name of names) {
      const [file, title] = (rows[part]?.[name]?.test ?? '').split(' > ');
      if (!file || !title || !existsSync(join(root, file)) || !readFileSync(join(root, file), 'utf8').includes(title)) {
        fail(`${part}: ${name}`, 'has no test that exists', 'name it as `path/file.test.ts > name of the test`');
      }
    }
    for (const name of Object.keys(rows[part] ?? {})) {
      if (!names.includes(name)) fail(`${part}: ${name}`, 'is known to nobody', 'remove it');
    }
  }
  if (!existsSync(join(root, PAGE)) || readFileSync(join(root, PAGE), 'utf8') !== renderIceberg(rows)) {
    failures.push({ file: PAGE, rule: `is not what the door and ${DATA} say`, mend: 'run `npm run docs`' });
  }
  return failures;
}
