import { type Failure, isTest, type SourceFile } from './source-files.ts';

const COVERED = /^src\/(core|testing)\/|\/contract(-types)?\.ts$/;

/** Every exported function and class everywhere, and every export of contracts, core and testing, has a docstring. */
export function checkDocstrings(files: readonly SourceFile[]): Failure[] {
  const failures: Failure[] = [];
  for (const file of files) {
    if (isTest(file.path)) continue;
    const lines = file.text.split('\n');
    const opening = /^\s*(#!.*\n)?\/\*\*/.test(file.text);
    const exported = lines.flatMap((line, i) => {
      const match = /^export (?:async )?(?:abstract )?(function\*?|class|const|interface|type) (\w+)/.exec(line);
      return match === null ? [] : [{ line: i, kind: match[1]!, name: match[2]! }];
    });
    for (const { line, kind, name } of exported) {
      const callable = kind.startsWith('function') || kind === 'class';
      if (!callable && !(COVERED.test(file.path) && (kind === 'const' || kind === 'interface'))) continue;
      let above = line - 1;
      while (above >= 0 && /^\s*(\/\/|@)/.test(lines[above]!)) above--;
      if (above >= 0 && /\*\/\s*$/.test(lines[above]!)) continue;
      // A file with one export may say it all in its opening comment.
      if (opening && exported.length === 1) continue;
      if (kind === 'interface' && !COVERED.test(file.path)) continue;
      if (kind === 'interface') continue;
      failures.push({
        file: `${file.path}:${line + 1}`,
        rule: `\`${name}\` is public and has no docstring`,
        mend: 'say in its first sentence what it is or returns; then errors, units, cost, source as they apply',
      });
    }
  }
  return failures;
}
