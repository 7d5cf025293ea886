/**
 * What a bucket asks of INTELLIGENT_TIERING beside what it always does: the archives that objects reach after long
 * disuse. A bucket has many of them, each for a part of its objects.
 * **Source**: Amazon S3 API Reference, "PutBucketIntelligentTieringConfiguration"; User Guide, "How S3 Intelligent-Tiering
 * works".
 */
import { z } from 'zod';
import { LochError } from '../../core/errors.ts';

/** The archives that can be asked for, with the fewest days each takes. **Units**: days without use. */
const FEWEST_DAYS = { ARCHIVE_ACCESS: 90, DEEP_ARCHIVE_ACCESS: 180 } as const;
const MOST_DAYS = 730;

const ID = /^[\w.-]{1,64}$/;

const tag = z.strictObject({ key: z.string().min(1).max(128), value: z.string().max(256) });

/** What `BucketSettings` keeps under `intelligentTiering`, by id. */
export const tieringSchema = z.strictObject({
  id: z.string(),
  enabled: z.boolean(),
  /** Which objects it is about: all conditions hold. */
  filter: z.strictObject({ prefix: z.string().optional(), tags: z.array(tag).optional() }),
  tierings: z.array(
    z.strictObject({ accessTier: z.enum(['ARCHIVE_ACCESS', 'DEEP_ARCHIVE_ACCESS']), days: z.number().int() }),
  ),
});

export type TieringConfiguration = z.infer<typeof tieringSchema>;

/** Every check S3 makes that a schema cannot say. **Errors**: `invalid_argument`, `malformed_request`. */
export function checkTiering({ id, filter, tierings }: TieringConfiguration): void {
  const refuse = (message: string) =>
    new LochError('invalid_argument', `Intelligent-Tiering configuration \`${id}\`: ${message}`, { context: { id } });
  if (!ID.test(id)) throw refuse('an Id has 1 to 64 of the characters A-Z, a-z, 0-9, `.`, `-` and `_`.');
  if (tierings.length === 0) {
    throw new LochError('malformed_request', `Intelligent-Tiering configuration \`${id}\` needs a Tiering.`);
  }
  if (new Set(tierings.map(({ accessTier }) => accessTier)).size < tierings.length) {
    throw refuse('an AccessTier may stand in one Tiering only.');
  }
  for (const { accessTier, days } of tierings) {
    const fewest = FEWEST_DAYS[accessTier];
    if (days < fewest || days > MOST_DAYS) {
      throw refuse(`Days of ${accessTier} is ${days}; it must be ${fewest} to ${MOST_DAYS}.`);
    }
  }
  const { tags = [] } = filter;
  if (new Set(tags.map(({ key }) => key)).size < tags.length) throw refuse('a tag key may stand once only.');
}
