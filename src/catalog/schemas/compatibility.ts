import type { SchemaCompatibility } from './contract.ts';
import type { ParsedSchema } from './parsed-schema.ts';

/** A version that a new one is compared with. */
export interface EarlierVersion {
  readonly number: number;
  readonly schema: ParsedSchema;
}

/**
 * Why a new version does not follow the mode; none when it does. `earlier` are the available versions from the
 * checkpoint on, oldest first. BACKWARD: the new one reads what the last wrote; FORWARD: the last reads what the new one
 * writes; FULL: both; `_ALL`: with all of them.
 */
export function breaches(
  mode: SchemaCompatibility,
  next: ParsedSchema,
  earlier: readonly EarlierVersion[],
): readonly string[] {
  if (mode === 'NONE' || earlier.length === 0) return [];
  if (mode === 'DISABLED') return ['the mode is DISABLED: no further version is taken'];
  const compared = mode.endsWith('_ALL') ? earlier : earlier.slice(-1);
  const isBackward = mode.startsWith('BACKWARD') || mode.startsWith('FULL');
  const isForward = mode.startsWith('FORWARD') || mode.startsWith('FULL');
  return compared.flatMap(({ number, schema }) => [
    ...(isBackward ? next.problems(schema).map((problem) => `it cannot read version ${number}: ${problem}`) : []),
    ...(isForward ? schema.problems(next).map((problem) => `version ${number} cannot read it: ${problem}`) : []),
  ]);
}
