/**
 * A bucket's lifecycle rules: their form, and every check S3 makes before it takes them.
 * **Source**: Amazon S3 API Reference, "PutBucketLifecycleConfiguration"; User Guide, "Lifecycle configuration elements".
 */
import { z } from 'zod';
import { LochError } from '../../core/errors.ts';

const MAX_RULES = 1000;

/** Classes objects are moved to, warmest first. A rule moves objects down this list only. */
export const TRANSITION_CLASSES = [
  'STANDARD_IA',
  'INTELLIGENT_TIERING',
  'ONEZONE_IA',
  'GLACIER_IR',
  'GLACIER',
  'DEEP_ARCHIVE',
] as const;

export type TransitionClass = (typeof TRANSITION_CLASSES)[number];

const tag = z.strictObject({ key: z.string().min(1).max(128), value: z.string().max(256) });
const transitionClass = z.enum(TRANSITION_CLASSES);

/** Which objects a rule is about: all conditions hold. */
const filter = z.strictObject({
  prefix: z.string().optional(),
  tags: z.array(tag).optional(),
  /** **Units**: bytes; exclusive, as S3 has them. */
  sizeGreaterThan: z.number().int().min(0).optional(),
  sizeLessThan: z.number().int().min(1).optional(),
});

const rule = z.strictObject({
  id: z.string(),
  enabled: z.boolean(),
  filter,
  /** How the filter was written, for whoever asks for it back. */
  form: z.enum(['prefix', 'filter', 'and']),
  expiration: z
    .strictObject({
      days: z.number().int().optional(),
      /** Milliseconds since 1970 UTC. */
      date: z.number().int().optional(),
      expiredDeleteMarker: z.boolean().optional(),
      /** Ours, not S3's: days since the object was last read. Needs access times on the bucket. */
      daysSinceAccess: z.number().int().optional(),
    })
    .optional(),
  transitions: z
    .array(
      z.strictObject({
        days: z.number().int().optional(),
        date: z.number().int().optional(),
        daysSinceAccess: z.number().int().optional(),
        storageClass: transitionClass,
      }),
    )
    .optional(),
  noncurrentExpiration: z
    .strictObject({ days: z.number().int().optional(), newerVersions: z.number().int().optional() })
    .optional(),
  noncurrentTransitions: z
    .array(
      z.strictObject({
        days: z.number().int(),
        newerVersions: z.number().int().optional(),
        storageClass: transitionClass,
      }),
    )
    .optional(),
  abortUploadsAfterDays: z.number().int().optional(),
});

/** What `BucketSettings` keeps under `lifecycle`. */
export const lifecycleSchema = z.strictObject({
  rules: z.array(rule).min(1).max(MAX_RULES),
  /** Objects below 128 KiB stay where they are: in every class, or only out of the classes before GLACIER. */
  minimumSize: z.enum(['all_storage_classes_128K', 'varies_by_storage_class']).optional(),
});

export type LifecycleConfiguration = z.infer<typeof lifecycleSchema>;
export type LifecycleRule = LifecycleConfiguration['rules'][number];
export type LifecycleFilter = LifecycleRule['filter'];

/** The configuration, if it has the form of one. **Errors**: `malformed_request`. */
export function parseLifecycle(configuration: unknown): LifecycleConfiguration {
  const parsed = lifecycleSchema.safeParse(configuration);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0]!;
  const at = issue.path.join('.');
  throw new LochError('malformed_request', `The lifecycle configuration at ${at}: ${issue.message}.`, {
    context: { at },
  });
}
