/**
 * Takes a bucket over from another S3 service.
 *
 * Invariants
 * - The target's versions of a key are always a beginning of the source's, in its order. So a mirror that was cut short, or
 *   is run again after the source went on, continues where the target stands, and needs no record of its own.
 * - What cannot be taken (a version under a foreign key, or in an archive) ends its key there and is listed; nothing is
 *   passed over silently. What the target has that the source has not is listed and left alone.
 */
import { copySettings, differentSettings, prepareTarget } from './bucket-settings.ts';
import { attributesText, type CopyOptions, copyVersion, isUnderKey } from './copy-version.ts';
import { type Entry, isSame, keysOf, type Side, sideBySide } from './listings.ts';

/** A key, or a setting, that is not on both sides what it should be. */
export interface Difference {
  readonly what: string;
  readonly why: string;
}

/** What a mirror did and found. **Units**: versions, bytes. */
export interface MirrorReport {
  readonly copied: number;
  readonly bytes: number;
  readonly compared: number;
  readonly differences: readonly Difference[];
}

const KEYS_AT_ONCE = 8;

/** Copies what is missing, then compares everything. `quick` compares without asking for the attributes of each version. */
export async function mirrorBucket(
  source: Side,
  target: Side,
  options: CopyOptions & { readonly quick: boolean },
): Promise<MirrorReport> {
  const differences: Difference[] = [];
  const setting = (why: string) => differences.push({ what: `bucket ${target.bucket}`, why });
  await prepareTarget(source, target);
  for (const why of await copySettings(source, target, 'before')) setting(why);
  const told = new Set<string>();
  let copied = 0;
  let bytes = 0;
  await eachKey(source, target, options.signal, async ({ key, source: wanted, target: there }) => {
    if ((await commonOf(source, { key, wanted, there })) < there.length) return; // told when both are compared
    for (const entry of wanted.slice(there.length)) {
      try {
        await copyVersion(source, target, key, entry, options);
      } catch (error) {
        options.signal.throwIfAborted();
        told.add(key);
        differences.push({ what: key, why: `version ${entry.versionId} was not taken: ${reasonOf(error)}` });
        return;
      }
      copied++;
      bytes += entry.size;
    }
  });
  for (const why of await copySettings(source, target, 'after')) setting(why);

  let compared = 0;
  await eachKey(source, target, options.signal, async ({ key, source: wanted, target: there }) => {
    compared += wanted.length;
    if (told.has(key)) return;
    const why = await differenceOf(source, target, { key, wanted, there }, options.quick);
    if (why !== undefined) differences.push({ what: key, why });
  });
  for (const name of await differentSettings(source, target)) setting(`its ${name} differ`);
  return { copied, bytes, compared, differences };
}

interface Versions {
  readonly key: string;
  readonly wanted: readonly Entry[];
  readonly there: readonly Entry[];
}

/** How many of the first versions are the same; those under a key of the source are compared by their size. */
async function commonOf(source: Side, { key, wanted, there }: Versions): Promise<number> {
  let i = 0;
  for (; i < wanted.length && i < there.length; i++) {
    const same = isSame(wanted[i]!, there[i]!);
    if (same === 'no' || (same === 'by size' && !(await isUnderKey(source, key, wanted[i]!.versionId)))) break;
  }
  return i;
}

async function differenceOf(
  source: Side,
  target: Side,
  { key, wanted, there }: Versions,
  quick: boolean,
): Promise<string | undefined> {
  if (wanted.length === 0) return 'only the target has it';
  const common = await commonOf(source, { key, wanted, there });
  if (common < there.length) return `version ${there[common]!.versionId} of the target is not one of the source`;
  if (common < wanted.length) return `the target lacks ${wanted.length - common} of ${wanted.length} versions`;
  if (quick) return undefined;
  for (const [i, entry] of wanted.entries()) {
    if (entry.marker) continue;
    const [a, b] = [
      await attributesText(source, key, entry.versionId),
      await attributesText(target, key, there[i]!.versionId),
    ];
    if (a !== b) return `the attributes of version ${entry.versionId} differ: ${a} against ${b}`;
  }
  return undefined;
}

async function eachKey(
  source: Side,
  target: Side,
  signal: AbortSignal,
  work: (pair: { key: string; source: readonly Entry[]; target: readonly Entry[] }) => Promise<void>,
): Promise<void> {
  const pairs = sideBySide(keysOf(source), keysOf(target));
  let turn: Promise<unknown> = Promise.resolve();
  const next = () => {
    const mine = turn.then(() => pairs.next());
    turn = mine.catch(() => undefined); // told to whoever asked for it
    return mine;
  };
  const lanes = Array.from({ length: KEYS_AT_ONCE }, async () => {
    for (let pair = await next(); pair.done !== true; pair = await next()) {
      signal.throwIfAborted();
      await work(pair.value);
    }
  });
  const ends = await Promise.allSettled(lanes);
  const failed = ends.find((end) => end.status === 'rejected');
  if (failed !== undefined) throw failed.reason;
}

const reasonOf = (error: unknown): string => {
  const { name, message } = error as Error;
  return name === 'LochError' ? message : `${name}: ${message}`;
};
