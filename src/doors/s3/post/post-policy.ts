/**
 * Policies of forms: what a signed form may upload. **Source**: S3 API Reference, "POST policy".
 *
 * Invariants
 * - Every field of the form but those of the signature must be covered by a condition, and so must the bucket.
 * - Names are compared without regard to case, values with it.
 */
import { LochError } from '../../../core/errors.ts';
import { s3Failure } from '../errors.ts';

/** Sizes of the file that a policy allows. **Units**: bytes. */
export interface SizeRange {
  readonly min: number;
  readonly max: number;
}

type Condition =
  | { readonly kind: 'eq' | 'starts-with'; readonly field: string; readonly value: string }
  | { readonly kind: 'content-length-range'; readonly range: SizeRange };

/** Fields that carry the signature, or are for nobody. */
const EXEMPT = /^(awsaccesskeyid|signature|policy|file|x-amz-signature|x-ignore-.*)$/;

/**
 * Checks a policy (base64, as it was signed) against a form. Returns the sizes it allows.
 * **Errors**: `invalid_argument` (InvalidPolicyDocument); `access_denied` for what it does not allow, or when it has expired.
 */
export function checkPostPolicy(
  encoded: string,
  form: { readonly bucket: string; readonly fields: ReadonlyMap<string, string> },
  now: number,
): SizeRange | undefined {
  const { expiresAt, conditions } = parsePolicy(encoded);
  if (now > expiresAt) throw denied('Policy expired.');
  const values = new Map([...form.fields, ['bucket', form.bucket] as const]);
  const covered = new Set<string>();
  let range: SizeRange | undefined;
  for (const condition of conditions) {
    if (condition.kind === 'content-length-range') {
      range = condition.range;
      continue;
    }
    const { kind, field, value } = condition;
    const found = values.get(field);
    covered.add(field);
    // Every text begins with nothing, also that of a field which is not there.
    const holds =
      kind === 'eq' ? found === value : value === '' || (found !== undefined && startsWith(field, found, value));
    if (!holds) throw denied(`Policy Condition failed: ["${kind}", "$${field}", "${value}"]`);
  }
  for (const field of values.keys()) {
    if (!EXEMPT.test(field) && !covered.has(field)) throw denied(`Extra input fields: ${field}`);
  }
  return range;
}

/** A list of content types may be given; each of them must begin so. */
function startsWith(field: string, found: string, value: string): boolean {
  if (field !== 'content-type') return found.startsWith(value);
  return found.split(',').every((part) => part.trim().startsWith(value));
}

const denied = (why: string) => new LochError('access_denied', `Invalid according to Policy: ${why}`);
const invalid = (why: string) => s3Failure('InvalidPolicyDocument', 'invalid_argument', `Invalid Policy: ${why}`);

function parsePolicy(encoded: string): { readonly expiresAt: number; readonly conditions: readonly Condition[] } {
  let document: unknown;
  try {
    document = JSON.parse(Buffer.from(encoded, 'base64').toString('utf8'));
  } catch {
    throw invalid('Invalid JSON.');
  }
  if (typeof document !== 'object' || document === null) throw invalid('It must be an object.');
  const { expiration, conditions } = document as Record<string, unknown>;
  if (typeof expiration !== 'string') throw invalid('Policy missing expiration.');
  const expiresAt = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/.test(expiration) ? Date.parse(expiration) : Number.NaN;
  if (Number.isNaN(expiresAt)) throw invalid(`Invalid 'expiration' value: '${expiration}'`);
  if (!Array.isArray(conditions)) throw invalid('Policy missing conditions.');
  return { expiresAt, conditions: conditions.flatMap(parseCondition) };
}

function parseCondition(condition: unknown): Condition[] {
  if (Array.isArray(condition)) return [parseListed(condition)];
  if (typeof condition !== 'object' || condition === null) throw invalid('A condition is an object or a list.');
  const entries = Object.entries(condition);
  if (entries.length === 0) throw invalid('Invalid Simple-Condition: it must have exactly one property.');
  return entries.map(([field, value]) => {
    if (typeof value !== 'string') throw invalid(`Invalid Simple-Condition: the value of ${field} must be a string.`);
    return { kind: 'eq', field: field.toLowerCase(), value };
  });
}

function parseListed(condition: readonly unknown[]): Condition {
  const kind = String(condition[0]).toLowerCase();
  if (condition.length !== 3) throw invalid(`Invalid ${kind} condition: it has ${condition.length} members, not 3.`);
  if (kind === 'content-length-range') {
    const [min, max] = condition.slice(1).map((value) => (typeof value === 'string' ? Number(value) : value));
    if (
      !Number.isSafeInteger(min) ||
      !Number.isSafeInteger(max) ||
      (min as number) < 0 ||
      (max as number) < (min as number)
    ) {
      throw invalid('Invalid content-length-range: give two whole numbers of bytes, the smaller first.');
    }
    return { kind, range: { min: min as number, max: max as number } };
  }
  const [, field, value] = condition;
  if ((kind !== 'eq' && kind !== 'starts-with') || typeof field !== 'string' || typeof value !== 'string') {
    throw invalid(`Unknown condition \`${kind}\`. Known: eq, starts-with, content-length-range.`);
  }
  if (!field.startsWith('$')) throw invalid(`The field of a condition begins with $, unlike \`${field}\`.`);
  return { kind, field: field.slice(1).toLowerCase(), value };
}
