import type { ReplicationConfiguration, ReplicationRule } from './configuration.ts';

/** What rules look at. */
export interface ReplicationSubject {
  readonly key: string;
  readonly tags: Readonly<Record<string, string>>;
  /** How it is encrypted. */
  readonly encryption?: string | undefined;
}

/**
 * The rules by which an object is replicated: of those that cover it, for each destination the one that goes before the
 * others. Objects under keys that customers keep are never replicated.
 */
export function matchRules(
  configuration: ReplicationConfiguration,
  subject: ReplicationSubject,
): readonly ReplicationRule[] {
  const { encryption } = subject;
  if (encryption === 'customer') return [];
  const underKms = encryption?.startsWith('aws:kms') === true;
  const best = new Map<string, ReplicationRule>();
  for (const rule of configuration.rules) {
    if (!rule.enabled || !covers(rule, subject)) continue;
    const known = best.get(rule.destination.bucket);
    if (known === undefined || (rule.priority ?? 0) > (known.priority ?? 0)) best.set(rule.destination.bucket, rule);
  }
  return [...best.values()].filter((rule) => !underKms || rule.kms === true);
}

function covers({ prefix = '', tags = [] }: ReplicationRule, subject: ReplicationSubject): boolean {
  return subject.key.startsWith(prefix) && tags.every(({ key, value }) => subject.tags[key] === value);
}
