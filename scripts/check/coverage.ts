import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { renderCoverage, type Row, type Status } from '../coverage-page.ts';
import { type Failure, root } from './source-files.ts';

/** A `done` names a test that exists; ids are known; the page is what the data says. */
export function checkCoverage(): Failure[] {
  const rows = JSON.parse(readFileSync(join(root, 'docs/spec/rows.json'), 'utf8')) as Row[];
  const failures: Failure[] = [];
  const known: readonly Status[] = ['done', 'partial', 'not yet'];
  const fail = (row: Row, rule: string, mend: string) =>
    failures.push({ file: `docs/spec/rows.json ${row.id}`, rule, mend });
  const ids = new Set<string>();
  for (const row of rows) {
    if (ids.has(row.id)) fail(row, 'stands twice', 'keep one');
    ids.add(row.id);
    if (!known.includes(row.state)) fail(row, `state \`${row.state}\``, `use one of: ${known.join(', ')}`);
    if (row.state === 'partial' && !row.missing)
      fail(row, 'is partial and does not say what is missing', 'fill `missing`');
    if (row.state !== 'done') continue;
    const [file, name] = (row.test ?? '').split(' > ');
    if (!file || !existsSync(join(root, file)))
      fail(
        row,
        `is done by a test that does not exist (${row.test})`,
        'name it as `path/file.test.ts > name of the test`',
      );
    else if (name && !readFileSync(join(root, file), 'utf8').includes(name))
      fail(row, `names a test that ${file} does not hold: ${name}`, 'give the name as it stands in the file');
  }
  const page = join(root, 'docs/reference/coverage.md');
  if (!existsSync(page) || readFileSync(page, 'utf8') !== renderCoverage(rows)) {
    failures.push({
      file: 'docs/reference/coverage.md',
      rule: 'is not what rows.json says',
      mend: 'run `npm run docs`',
    });
  }
  return failures;
}
