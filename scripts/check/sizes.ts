import { type Failure, isTest, type SourceFile } from './source-files.ts';

const MOST_LINES = 600;
const P95_LINES = 400;

/** No source file above 600 lines; the 95th percentile at most 400. */
export function checkSizes(files: readonly SourceFile[]): Failure[] {
  const sizes = files
    .filter((file) => !isTest(file.path))
    .map((file) => ({ path: file.path, lines: file.text.split('\n').length }));
  const failures = sizes
    .filter(({ lines }) => lines > MOST_LINES)
    .map(({ path, lines }) => ({
      file: path,
      rule: `has ${lines} lines, above ${MOST_LINES}`,
      mend: 'split it by reason to change',
    }));
  const sorted = sizes.map(({ lines }) => lines).sort((a, b) => a - b);
  const p95 = sorted[Math.floor(sorted.length * 0.95)] ?? 0;
  if (p95 > P95_LINES) {
    failures.push({
      file: 'src',
      rule: `95 % of the files have up to ${p95} lines, above ${P95_LINES}`,
      mend: 'split the longest files by reason to change',
    });
  }
  return failures;
}
