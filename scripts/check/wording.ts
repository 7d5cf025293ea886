import { spawnSync } from 'node:child_process';
import { type Failure, isTest, root } from './source-files.ts';

/** Words that do not belong in the project: paths of one machine, unfinished marks, loosened types, swallowed errors. */
const RULES: readonly { pattern: string; paths: readonly string[]; rule: string; mend: string }[] = [
  {
    pattern: 'TODO|FIXME|XXX:|not implemented yet',
    paths: ['src', 'console', 'test', 'bench', 'demo'],
    rule: 'an unfinished mark',
    mend: 'finish it, or answer `unsupported` by name',
  },
  {
    pattern: '@ts-(ignore|nocheck|expect-error)',
    paths: ['src', 'console', 'demo', 'bench'],
    rule: 'a loosened type',
    mend: 'state the type',
  },
  {
    pattern: 'catch *(\\([^)]*\\))? *\\{ *\\}',
    paths: ['src', 'console', 'demo', 'bench'],
    rule: 'a swallowed error',
    mend: 'handle it, or say in a comment inside why it may be dropped',
  },
  {
    pattern: '\\b(it|test|describe)\\.(only|todo)\\(|expect\\(true\\)',
    paths: ['src', 'test', 'demo'],
    rule: 'a test that does not run or cannot fail',
    mend: 'make it run',
  },
  {
    pattern: 'console\\.(log|error|warn)\\(',
    paths: ['src'],
    rule: 'a loose log line',
    mend: 'publish a typed event; programs of the command line write to process.stdout',
  },
];

export function checkWording(): Failure[] {
  return RULES.flatMap(({ pattern, paths, rule, mend }) => {
    const found = spawnSync('git', ['grep', '-nIE', pattern, '--', ...paths], { cwd: root, encoding: 'utf8' }).stdout;
    return found
      .split('\n')
      .filter((line) => line !== '' && !(rule === 'a loose log line' && isTest(line.split(':')[0]!)))
      .map((line) => ({ file: line.split(':').slice(0, 2).join(':'), rule, mend }));
  });
}
