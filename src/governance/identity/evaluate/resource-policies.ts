/** Policies that stand on resources: parsed, judged public or not, and checked against where they are to stand. */
import { LochError } from '../../../core/errors.ts';
import type { Accounts, Identities, ResourcePolicies, ResourcePolicy, ResourcePolicyRules } from '../../contract.ts';
import { matchesArn } from './arn-pattern.ts';
import type { Condition } from './conditions.ts';
import { matchesPattern } from './pattern.ts';
import { parsePolicyDocument, type PrincipalPattern, type Statement } from './policy-document.ts';

/** Policies kept parsed; one that is asked for again is not read anew. */
const CAPACITY = 10_000;

/** Readings and checks of resource policies. */
export function createResourcePolicies(deps: {
  readonly identities: Pick<Identities, 'principal'>;
  readonly accounts: Pick<Accounts, 'find'>;
}): ResourcePolicies {
  const known = new Map<string, ResourcePolicy>();
  return {
    parse(text, id) {
      const there = known.get(id);
      if (there?.text === text) return there;
      const document = parsePolicyDocument(text, 'resource');
      const policy = { id, text, document, isPublic: document.statements.some(isPublic) };
      if (known.size >= CAPACITY) known.delete(known.keys().next().value as string);
      known.set(id, policy);
      return policy;
    },
    async check(policy, rules) {
      const size = Buffer.byteLength(policy.text);
      if (size > rules.maxBytes) {
        throw malformed(
          `The policy has ${size} bytes; ${rules.maxBytes} is the most. (exceeds the maximum allowed document size)`,
        );
      }
      for (const statement of policy.document.statements) {
        checkReach(statement, rules);
        for (const pattern of statement.principals?.patterns ?? []) await checkPrincipal(pattern, deps);
      }
    },
  };
}

const malformed = (message: string) => new LochError('malformed_policy', message);
const noValue = () => undefined;

/** Each action and resource must be one there can be, and one of them must go with the other. */
function checkReach({ actions, resources, id }: Statement, { resources: places }: ResourcePolicyRules): void {
  const covers = (index: number, action: string) =>
    matchesPattern(actions.patterns[index]!, action.toLowerCase(), noValue);
  for (const [index, text] of actions.texts.entries()) {
    if (places.some((place) => place.actions.some((action) => covers(index, action)))) continue;
    throw malformed(`Policy has invalid action: \`${text}\` in statement ${id} is none of this resource.`);
  }
  const reached = new Set<number>();
  for (const [index, text] of (resources?.texts ?? []).entries()) {
    const found = places.flatMap(({ arn }, place) => (reaches(resources!.patterns[index]!, text, arn) ? [place] : []));
    if (found.length === 0) {
      throw malformed(`Policy has invalid resource: \`${text}\` in statement ${id} is not where the policy stands.`);
    }
    for (const place of found) reached.add(place);
  }
  if (resources?.except || actions.except) return;
  const applies = [...reached].some((place) =>
    places[place]!.actions.some((action) => actions.patterns.some((_, index) => covers(index, action))),
  );
  if (!applies) throw malformed(`Action does not apply to any resource(s) in statement ${id}.`);
}

/** Whether a resource pattern can match `arn`, or something below it when it ends in a slash. */
function reaches(pattern: Parameters<typeof matchesArn>[0], text: string, arn: string): boolean {
  if (!arn.endsWith('/')) return matchesArn(pattern, arn, noValue);
  if (pattern === 'everything') return true;
  const [fixed = ''] = text
    .split(':')
    .slice(5)
    .join(':')
    .split(/[*?]|\$\{/, 1);
  const below = arn.split(':').slice(5).join(':');
  const open = fixed.length < text.split(':').slice(5).join(':').length;
  if (fixed.startsWith(below)) return true;
  return open && below.startsWith(fixed);
}

const ROLE_SESSION = /^arn:aws:sts::\d{12}:(assumed-role\/[\w+=,.@-]+\/[\w+=,.@-]+|federated-user\/[\w+=,.@-]+)$/;
const UNIQUE_ID = /^(AIDA|AROA)[A-Z0-9]{16}$/;

async function checkPrincipal(
  { type, value }: PrincipalPattern,
  deps: Parameters<typeof createResourcePolicies>[0],
): Promise<void> {
  if (type === 'Service') {
    if (/^[a-z0-9-]+(\.[a-z0-9-]+)*\.amazonaws\.com$/.test(value)) return;
  } else if (type === 'CanonicalUser') {
    if ((await deps.accounts.find({ canonicalId: value })) !== undefined) return;
  } else if (type === 'AWS') {
    if (value === '*' || ROLE_SESSION.test(value) || UNIQUE_ID.test(value)) return;
    const account = /^(?:arn:aws:iam::)?(\d{12})(?::root)?$/.exec(value)?.[1];
    if (account !== undefined && (await deps.accounts.find({ accountId: account })) !== undefined) return;
    if (account === undefined && (await deps.identities.principal(value)) !== undefined) return;
  }
  throw malformed(`Invalid principal in policy: {"${type}": "${value}"} is nobody here.`);
}

/** Keys whose fixed values close a statement to the public. **Source**: S3 User Guide, "The meaning of public". */
const CLOSING_KEYS = new Set([
  'aws:sourcearn',
  'aws:sourcevpc',
  'aws:sourcevpce',
  'aws:sourceowner',
  'aws:sourceaccount',
  'aws:userid',
  'aws:principalarn',
  'aws:principalaccount',
  'aws:principalorgid',
  'aws:principalorgpaths',
  's3:dataaccesspointaccount',
  's3:dataaccesspointarn',
]);
const CLOSING_OPERATORS =
  /^(ForAnyValue:)?(StringEquals|StringEqualsIgnoreCase|StringLike|ArnEquals|ArnLike|IpAddress)$/;
/** Wider ranges of addresses are as good as all. **Units**: bits of the prefix. */
const MIN_PREFIX = { v4: 8, v6: 32 };

function isPublic(statement: Statement): boolean {
  if (statement.effect === 'Deny' || statement.principals === undefined) return false;
  const { except, patterns } = statement.principals;
  const open = except || patterns.some(({ type, value }) => type === 'AWS' && value === '*');
  return open && !statement.conditions.some(closes);
}

function closes({ operator, key, wanted }: Condition): boolean {
  if (!CLOSING_OPERATORS.test(operator)) return false;
  const name = key.toLowerCase();
  if (name === 'aws:sourceip') return wanted.every(isNarrow);
  if (!CLOSING_KEYS.has(name)) return false;
  return wanted.every(
    (value) => !/[*?]|\$\{/.test(value) || (name === 'aws:userid' && /^A(ROA|IDA)[A-Z0-9]+:\*$/.test(value)),
  );
}

function isNarrow(range: string): boolean {
  const [address = '', prefix] = range.split('/');
  const bits = prefix === undefined ? 128 : Number(prefix);
  return bits >= (address.includes(':') ? MIN_PREFIX.v6 : MIN_PREFIX.v4);
}
