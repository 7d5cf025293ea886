import { LochError } from '../../core/errors.ts';
import { type LifecycleConfiguration, type LifecycleRule, TRANSITION_CLASSES } from './configuration.ts';

const DAY_MS = 86_400_000;
const MAX_ID = 255;
const MAX_NEWER = 100;
/** Classes that S3 takes objects into after thirty days at the earliest. */
const AFTER_A_MONTH: ReadonlySet<string> = new Set(['STANDARD_IA', 'ONEZONE_IA']);
const MONTH = 30;

const argument = (rule: LifecycleRule, message: string): LochError =>
  new LochError('invalid_argument', `Rule \`${rule.id}\`: ${message}`, { context: { rule: rule.id } });
/** What S3 calls InvalidRequest. */
const request = (rule: LifecycleRule, message: string): LochError =>
  new LochError('missing_argument', `Rule \`${rule.id}\`: ${message}`, { context: { rule: rule.id } });
const malformed = (rule: LifecycleRule, message: string): LochError =>
  new LochError('malformed_request', `Rule \`${rule.id}\`: ${message}`, { context: { rule: rule.id } });

/** Every check S3 makes that a schema cannot say. **Errors**: `invalid_argument`, `missing_argument`, `malformed_request`. */
export function checkLifecycle({ rules }: LifecycleConfiguration): void {
  const ids = new Set<string>();
  for (const rule of rules) {
    if (rule.id.length > MAX_ID) {
      throw argument(rule, `ID length should not exceed allowed limit of ${MAX_ID}; this one has ${rule.id.length}.`);
    }
    if (ids.has(rule.id)) throw argument(rule, 'Rule ID must be unique. Found same ID for more than one rule.');
    ids.add(rule.id);
    checkFilter(rule);
    checkActions(rule);
    checkExpiration(rule);
    checkTransitions(rule);
    checkNoncurrent(rule);
    checkTimes(rule);
  }
}

function checkFilter(rule: LifecycleRule): void {
  const { tags = [], sizeGreaterThan, sizeLessThan, prefix } = rule.filter;
  if (new Set(tags.map(({ key }) => key)).size < tags.length)
    throw request(rule, 'Duplicate Tag Keys are not allowed.');
  if (sizeGreaterThan !== undefined && sizeLessThan !== undefined && sizeGreaterThan >= sizeLessThan) {
    throw request(
      rule,
      `ObjectSizeGreaterThan (${sizeGreaterThan}) must be less than ObjectSizeLessThan (${sizeLessThan}).`,
    );
  }
  if (prefix !== undefined && Buffer.byteLength(prefix) > 1024) {
    throw request(rule, 'The maximum size of a prefix is 1024.');
  }
  const narrowed = tags.length > 0 || sizeGreaterThan !== undefined || sizeLessThan !== undefined;
  if (!narrowed) return;
  if (rule.abortUploadsAfterDays !== undefined) {
    throw request(
      rule,
      'AbortIncompleteMultipartUpload cannot be specified with tags or sizes: an upload has neither.',
    );
  }
  if (rule.expiration?.expiredDeleteMarker !== undefined) {
    throw request(rule, 'ExpiredObjectDeleteMarker cannot be specified with tags or sizes: a marker has neither.');
  }
}

function checkActions(rule: LifecycleRule): void {
  const actions = [rule.expiration, rule.noncurrentExpiration, rule.abortUploadsAfterDays];
  const moves = (rule.transitions?.length ?? 0) + (rule.noncurrentTransitions?.length ?? 0);
  if (moves > 0 || actions.some((action) => action !== undefined)) return;
  throw request(rule, 'At least one action needs to be specified in a rule.');
}

const given = (...values: readonly unknown[]): number => values.filter((value) => value !== undefined).length;

function checkExpiration(rule: LifecycleRule): void {
  const { expiration, abortUploadsAfterDays } = rule;
  if (abortUploadsAfterDays !== undefined && abortUploadsAfterDays < 1) {
    throw argument(rule, "'DaysAfterInitiation' for AbortIncompleteMultipartUpload action must be a positive integer.");
  }
  if (expiration === undefined) return;
  const { days, date, expiredDeleteMarker, daysSinceAccess } = expiration;
  if (given(days, date, expiredDeleteMarker, daysSinceAccess) !== 1) {
    throw malformed(rule, 'Expiration holds exactly one of Days, Date and ExpiredObjectDeleteMarker.');
  }
  if (days !== undefined && days < 1) {
    throw argument(rule, "'Days' for Expiration action must be a positive integer.");
  }
  if (daysSinceAccess !== undefined && daysSinceAccess < 1) {
    throw argument(rule, "'DaysSinceLastAccess' for Expiration action must be a positive integer.");
  }
  assertMidnight(rule, date);
}

function assertMidnight(rule: LifecycleRule, date: number | undefined): void {
  if (date !== undefined && date % DAY_MS !== 0) {
    throw argument(rule, `'Date' must be at midnight GMT, not ${new Date(date).toISOString()}.`);
  }
}

function checkTransitions(rule: LifecycleRule): void {
  const transitions = rule.transitions ?? [];
  assertDifferent(rule, transitions, 'Transition');
  for (const { days, date, daysSinceAccess, storageClass } of transitions) {
    if (given(days, date, daysSinceAccess) !== 1) {
      throw malformed(rule, `The transition to ${storageClass} holds exactly one of Days and Date.`);
    }
    if ((days ?? daysSinceAccess ?? 0) < 0) {
      throw argument(rule, "'Days' in Transition action must be nonnegative.");
    }
    if (days !== undefined && days < MONTH && AFTER_A_MONTH.has(storageClass)) {
      throw argument(
        rule,
        `'Days' in Transition action must be greater than or equal to ${MONTH} for storageClass '${storageClass}'.`,
      );
    }
    assertMidnight(rule, date);
  }
  assertDownwards(rule, transitions, 'Transition');
}

function checkNoncurrent(rule: LifecycleRule): void {
  const { noncurrentExpiration, noncurrentTransitions = [] } = rule;
  assertDifferent(rule, noncurrentTransitions, 'NoncurrentVersionTransition');
  for (const { days, newerVersions, storageClass } of noncurrentTransitions) {
    if (days < 0) throw argument(rule, "'NoncurrentDays' in NoncurrentVersionTransition action must be nonnegative.");
    if (days < MONTH && AFTER_A_MONTH.has(storageClass)) {
      throw argument(
        rule,
        `'NoncurrentDays' in NoncurrentVersionTransition action must be greater than or equal to ${MONTH} for storageClass '${storageClass}'.`,
      );
    }
    assertNewer(rule, newerVersions);
  }
  assertDownwards(rule, noncurrentTransitions, 'NoncurrentVersionTransition');
  if (noncurrentExpiration === undefined) return;
  const { days, newerVersions } = noncurrentExpiration;
  if (days === undefined) {
    throw malformed(rule, 'NoncurrentVersionExpiration needs NoncurrentDays.');
  }
  if (days < 1)
    throw argument(rule, "'NoncurrentDays' for NoncurrentVersionExpiration action must be a positive integer.");
  assertNewer(rule, newerVersions);
  const latest = Math.max(-1, ...noncurrentTransitions.map((move) => move.days));
  if (days <= latest) {
    throw argument(
      rule,
      `'NoncurrentDays' in the NoncurrentVersionExpiration action (${days}) must be greater than 'NoncurrentDays' in the NoncurrentVersionTransition action (${latest}).`,
    );
  }
}

function assertNewer(rule: LifecycleRule, newerVersions: number | undefined): void {
  if (newerVersions === undefined || (newerVersions >= 1 && newerVersions <= MAX_NEWER)) return;
  throw argument(
    rule,
    `'NewerNoncurrentVersions' must be a whole number from 1 to ${MAX_NEWER}, not ${newerVersions}.`,
  );
}

function assertDifferent(
  rule: LifecycleRule,
  moves: readonly { readonly storageClass: string }[],
  action: string,
): void {
  if (new Set(moves.map((move) => move.storageClass)).size === moves.length) return;
  throw request(rule, `'StorageClass' must be different for '${action}' actions in same 'Rule'.`);
}

const depth = (storageClass: string): number => (TRANSITION_CLASSES as readonly string[]).indexOf(storageClass);

interface Move {
  readonly days?: number | undefined;
  readonly date?: number | undefined;
  readonly storageClass: string;
}

/** A colder class comes later; out of STANDARD_IA nothing goes within thirty days. */
function assertDownwards(rule: LifecycleRule, moves: readonly Move[], action: string): void {
  const timed = moves
    .map((move) => ({ ...move, at: move.days ?? (move.date === undefined ? undefined : move.date / DAY_MS) }))
    .filter((move): move is Move & { at: number } => move.at !== undefined);
  timed.sort((a, b) => depth(a.storageClass) - depth(b.storageClass));
  for (const [i, colder] of timed.entries()) {
    const warmer = timed[i - 1];
    if (warmer === undefined) continue;
    const least = AFTER_A_MONTH.has(warmer.storageClass) ? warmer.at + MONTH : warmer.at + 1;
    if (colder.at >= least) continue;
    throw argument(
      rule,
      `'Days' in the '${action}' action for StorageClass '${colder.storageClass}' must be ${
        least - warmer.at
      } or more after those for StorageClass '${warmer.storageClass}'.`,
    );
  }
}

/** Days and dates are not mixed in a rule, and objects are moved before they expire. */
function checkTimes(rule: LifecycleRule): void {
  const { expiration, transitions = [] } = rule;
  const timed = [...transitions, ...(expiration === undefined ? [] : [expiration])];
  const byDays = timed.some(({ days }) => days !== undefined);
  const byDate = timed.some(({ date }) => date !== undefined);
  if (byDays && byDate) {
    throw request(rule, "Found mixed 'Date' and 'Days' based Expiration and Transition actions in lifecycle rule.");
  }
  for (const unit of ['days', 'date'] as const) {
    const end = expiration?.[unit];
    const latest = Math.max(-1, ...transitions.map((move) => move[unit] ?? -1));
    if (end === undefined || end > latest) continue;
    const name = unit === 'days' ? 'Days' : 'Date';
    throw argument(rule, `'${name}' in the Expiration action must be greater than '${name}' in the Transition action.`);
  }
}
