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

/** The cases of the suite as its text has them: at which commit, by file, and those it marks `fails_on_aws`. */
export interface SuiteCases {
  readonly commit: string;
  readonly cases: Readonly<Record<string, readonly string[]>>;
  readonly failOnAmazon: readonly string[];
}

/** The pinned suite. The cases of test_headers.py are those of another, nearby commit, where the text of that file was read. */
export const SUITE = JSON.parse(readFileSync(new URL('suite-cases.json', FOLDER), 'utf8')) as SuiteCases;

export interface ConformanceCases {
  /** Names of cases by the file whose tests hold them. */
  readonly held: ReadonlyMap<string, readonly string[]>;
  readonly notHeld: readonly NotHeld[];
}

/**
 * Reads them from the tests. **Errors**: when a case is said to hold and not to hold, when the suite has no case of a
 * name, and when nothing is said of a case.
 */
export function readConformanceCases(): ConformanceCases {
  const notHeld = JSON.parse(readFileSync(new URL('not-held.json', FOLDER), 'utf8')) as NotHeld[];
  const not = new Set(notHeld.flatMap(({ cases }) => cases));
  const known = new Set(Object.values(SUITE.cases).flat());
  const stranger = [...not].find((name) => !known.has(name));
  if (stranger !== undefined) throw new Error(`not-held.json names \`${stranger}\`, which the suite does not have.`);
  const held = new Map<string, readonly string[]>();
  for (const file of readdirSync(FOLDER).sort()) {
    if (!file.endsWith('.test.ts')) continue;
    const text = readFileSync(new URL(file, FOLDER), 'utf8');
    const names = [
      ...new Set([...text.matchAll(/\btest_[A-Za-z0-9][A-Za-z0-9_]*[A-Za-z0-9]\b/g)].map(([name]) => name)),
    ].sort();
    const both = names.find((name) => not.has(name));
    if (both !== undefined) throw new Error(`${file} holds \`${both}\`, which not-held.json says does not hold.`);
    const unknown = names.find((name) => !known.has(name));
    if (unknown !== undefined) throw new Error(`${file} names \`${unknown}\`, which the suite does not have.`);
    if (names.length > 0) held.set(file, names);
  }
  const said = new Set([...not, ...[...held.values()].flat()]);
  const unsaid = [...known].find((name) => !said.has(name));
  if (unsaid !== undefined)
    throw new Error(`Nothing is said of the case \`${unsaid}\`: test it, or put it in not-held.json.`);
  return { held, notHeld };
}
