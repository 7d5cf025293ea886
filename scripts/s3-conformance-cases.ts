/**
 * The cases of the public S3 conformance suite that Loch knows of: those its own tests hold, by the names in their
 * titles, and those that do not hold, with the reason.
 */
import { readdirSync, readFileSync } from 'node:fs';

const FOLDER = new URL('../test/acceptance/s3/', import.meta.url);

/** Cases that do not hold, and why. */
export interface NotHeld {
  readonly cases: readonly string[];
  readonly why: string;
}

export interface ConformanceCases {
  /** Names of cases by the file whose tests hold them. */
  readonly held: ReadonlyMap<string, readonly string[]>;
  readonly notHeld: readonly NotHeld[];
}

/** Reads them from the tests. **Errors**: when a case is said to hold and not to hold. */
export function readConformanceCases(): ConformanceCases {
  const notHeld = JSON.parse(readFileSync(new URL('not-held.json', FOLDER), 'utf8')) as NotHeld[];
  const not = new Set(notHeld.flatMap(({ cases }) => cases));
  const held = new Map<string, readonly string[]>();
  for (const file of readdirSync(FOLDER).sort()) {
    if (!file.endsWith('.test.ts')) continue;
    const text = readFileSync(new URL(file, FOLDER), 'utf8');
    const names = [...new Set([...text.matchAll(/\btest_[a-z0-9][a-z0-9_]*[a-z0-9]\b/g)].map(([name]) => name))].sort();
    const both = names.find((name) => not.has(name));
    if (both !== undefined) throw new Error(`${file} holds \`${both}\`, which not-held.json says does not hold.`);
    if (names.length > 0) held.set(file, names);
  }
  return { held, notHeld };
}
