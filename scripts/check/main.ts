/** `npm run check`: every rule of the house as a script. One line per failure: file, rule, mend. */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { checkBoundaries } from './boundaries.ts';
import { checkCoverage } from './coverage.ts';
import { checkDocstrings } from './docstrings.ts';
import { checkLicences } from './licences.ts';
import { checkIceberg } from './iceberg.ts';
import { checkOperations } from './operations.ts';
import { checkSizes } from './sizes.ts';
import { checkWording } from './wording.ts';
import { type Failure, root, sourceFiles } from './source-files.ts';

function runTool(name: string, args: readonly string[], mend: string): Failure[] {
  const result = spawnSync(process.execPath, args, { cwd: root, encoding: 'utf8' });
  if (result.status === 0) return [];
  const output = `${result.stdout}${result.stderr}`.trim().split('\n').slice(0, 60).join('\n');
  return [{ file: name, rule: output, mend }];
}

const modules = join(root, 'node_modules');
const checks: [string, () => Promise<Failure[]> | Failure[]][] = [
  ['types', () => runTool('tsc', [join(modules, 'typescript/bin/tsc'), '-p', '.'], 'mend the types named above')],
  [
    'types of the console',
    () => runTool('tsc', [join(modules, 'typescript/bin/tsc'), '-p', 'console'], 'mend the types named above'),
  ],
  [
    'format and lint',
    () =>
      runTool(
        'biome',
        [join(modules, '@biomejs/biome/bin/biome'), 'check', '--diagnostic-level=warn'],
        'run `node_modules/.bin/biome check --write`',
      ),
  ],
  ['boundaries', () => checkBoundaries(sourceFiles('src'))],
  [
    'sizes',
    () =>
      checkSizes([
        ...sourceFiles('src'),
        ...sourceFiles('console/src'),
        ...sourceFiles('demo'),
        ...sourceFiles('bench'),
      ]),
  ],
  ['docstrings', () => checkDocstrings(sourceFiles('src'))],
  [
    'dead code',
    () =>
      runTool(
        'knip',
        [join(modules, 'knip/bin/knip.js'), '--no-progress'],
        'remove what nothing uses, or export it from a contract',
      ),
  ],
  ['coverage table', () => checkCoverage()],
  ['operations of the AWS services', () => checkOperations()],
  ['the Iceberg REST catalog', () => checkIceberg()],
  ['wording', () => checkWording()],
  ['licences', () => checkLicences()],
];

let failures = 0;
for (const [name, check] of checks) {
  const started = performance.now();
  const found = await check();
  failures += found.length;
  for (const { file, rule, mend } of found) process.stdout.write(`${file}: ${rule}\n    mend: ${mend}\n`);
  const ms = Math.round(performance.now() - started);
  process.stdout.write(`${found.length === 0 ? 'ok  ' : 'FAIL'} ${name} (${ms} ms)\n`);
}
process.exitCode = failures === 0 ? 0 : 1;
