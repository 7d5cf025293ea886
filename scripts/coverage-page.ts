/** The page docs/reference/coverage.md out of docs/spec/rows.json: what is real, row by row. */
export type Status = 'done' | 'partial' | 'not yet';

/** One capability. `later` marks rows that may follow after the rest. */
export interface Row {
  readonly id: string;
  readonly module: string;
  readonly title: string;
  readonly later: boolean;
  readonly state: Status;
  /** `path/file.test.ts > name of the test`, for done. */
  readonly test?: string;
  /** What is missing, for partial. */
  readonly missing?: string;
}

export function renderCoverage(rows: readonly Row[]): string {
  const modules = [...new Set(rows.map((row) => row.module))];
  const count = (of: readonly Row[], state: Status) => of.filter((row) => row.state === state).length;
  const lines = [
    '# Coverage',
    '',
    'Every capability Loch means to have, and how much of it is real. Generated from `docs/spec/rows.json` by `npm run docs`;',
    '`npm run check` refuses a *done* whose test does not exist. † may follow after the others.',
    '',
    '| module | rows | done | partial | not yet |',
    '| --- | --- | --- | --- | --- |',
    ...modules.map((module) => {
      const of = rows.filter((row) => row.module === module);
      return `| ${module} | ${of.length} | ${count(of, 'done')} | ${count(of, 'partial')} | ${count(of, 'not yet')} |`;
    }),
    `| **all** | ${rows.length} | ${count(rows, 'done')} | ${count(rows, 'partial')} | ${count(rows, 'not yet')} |`,
  ];
  for (const module of modules) {
    lines.push(
      '',
      `## ${module}`,
      '',
      '| id | capability | state | proven by / what is missing |',
      '| --- | --- | --- | --- |',
    );
    for (const row of rows.filter((candidate) => candidate.module === module)) {
      const proof = row.state === 'done' ? `\`${row.test}\`` : (row.missing ?? '');
      lines.push(
        `| ${row.id} | ${row.title}${row.later ? ' †' : ''} | ${row.state} | ${proof.replaceAll('|', '\\|')} |`,
      );
    }
  }
  return `${lines.join('\n')}\n`;
}
