/**
 * Condition blocks. **Source**: AWS IAM User Guide, "IAM JSON policy elements: Condition operators" and
 * "Multivalued context keys".
 *
 * Invariants
 * - Blocks, operators and keys are all required (AND); the values of one key are alternatives (OR). A negated operator
 *   holds only if no value matches (NOR).
 * - A key that is absent fails a positive operator and satisfies a negated one, an `…IfExists` and a `ForAllValues:`.
 */
import { BlockList, isIP } from 'node:net';
import { type ArnPattern, compileArnPattern, matchesArn } from './arn-pattern.ts';
import { compilePattern, matchesPattern, type VariableValues } from './pattern.ts';
import { type RequestValues, variableValues } from './request-values.ts';

/** A value of the request against one value of the policy. */
type Test = (found: string, values: VariableValues) => boolean;

interface Operator {
  readonly negated: boolean;
  /** A test of one policy value, or the reason why that value cannot be. */
  readonly compile: (value: string, variables: boolean) => Test | string;
}

type SetPrefix = 'ForAllValues' | 'ForAnyValue' | undefined;

export interface Condition {
  /** As written: `StringEqualsIfExists`. */
  readonly operator: string;
  readonly key: string;
  /** The values of the policy, which may hold variables. */
  readonly wanted: readonly string[];
  holds(values: RequestValues): boolean;
}

const positive = (compile: Operator['compile']): Operator => ({ negated: false, compile });
const negated = (compile: Operator['compile']): Operator => ({ negated: true, compile });

const text =
  (wildcards: boolean, ignoreCase = false) =>
  (value: string, variables: boolean): Test => {
    const pattern = compilePattern(value, { variables, wildcards, ignoreCase });
    if (!ignoreCase) return (found, values) => matchesPattern(pattern, found, values);
    return (found, values) => matchesPattern(pattern, found.toLowerCase(), (key) => values(key)?.toLowerCase());
  };

const numeric = (compare: (found: number, wanted: number) => boolean) => (value: string) => {
  const wanted = readNumber(value);
  if (wanted === undefined) return 'a number';
  return (found: string) => {
    const number = readNumber(found);
    return number !== undefined && compare(number, wanted);
  };
};

const date = (compare: (found: number, wanted: number) => boolean) => (value: string) => {
  const wanted = readDate(value);
  if (wanted === undefined) return 'a date (ISO 8601, or seconds since 1970)';
  return (found: string) => {
    const at = readDate(found);
    return at !== undefined && compare(at, wanted);
  };
};

function readNumber(value: string): number | undefined {
  return /^\s*[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?\s*$/.test(value) ? Number(value) : undefined;
}

function readDate(value: string): number | undefined {
  if (/^-?\d+(\.\d+)?$/.test(value)) return Number(value) * 1000;
  const at = /^\d{4}-\d\d(-\d\d)?/.test(value) ? Date.parse(value) : Number.NaN;
  return Number.isNaN(at) ? undefined : at;
}

function bool(value: string): Test | string {
  const wanted = value.toLowerCase();
  return wanted === 'true' || wanted === 'false' ? (found) => found.toLowerCase() === wanted : '`true` or `false`';
}

function ipAddress(value: string): Test | string {
  const [address = '', prefix] = value.split('/');
  const version = isIP(address);
  const width = version === 4 ? 32 : 128;
  const bits = prefix === undefined ? width : /^\d{1,3}$/.test(prefix) ? Number(prefix) : Number.NaN;
  if (version === 0 || !(bits <= width)) return 'an IP address or CIDR range such as `203.0.113.0/24`';
  const list = new BlockList();
  list.addSubnet(address, bits, version === 4 ? 'ipv4' : 'ipv6');
  return (found) => {
    const family = isIP(found);
    return family !== 0 && list.check(found, family === 4 ? 'ipv4' : 'ipv6');
  };
}

function arn(value: string, variables: boolean): Test {
  const pattern: ArnPattern = compileArnPattern(value, { variables });
  return (found, values) => matchesArn(pattern, found, values);
}

function binary(value: string): Test | string {
  return /^[A-Za-z0-9+/]*={0,2}$/.test(value) ? (found) => found === value : 'base64 text';
}

const equal = (a: number, b: number) => a === b;
const less = (a: number, b: number) => a < b;
const lessOrEqual = (a: number, b: number) => a <= b;
const greater = (a: number, b: number) => a > b;
const greaterOrEqual = (a: number, b: number) => a >= b;

const OPERATORS: Readonly<Record<string, Operator>> = {
  StringEquals: positive(text(false)),
  StringNotEquals: negated(text(false)),
  StringEqualsIgnoreCase: positive(text(false, true)),
  StringNotEqualsIgnoreCase: negated(text(false, true)),
  StringLike: positive(text(true)),
  StringNotLike: negated(text(true)),
  NumericEquals: positive(numeric(equal)),
  NumericNotEquals: negated(numeric(equal)),
  NumericLessThan: positive(numeric(less)),
  NumericLessThanEquals: positive(numeric(lessOrEqual)),
  NumericGreaterThan: positive(numeric(greater)),
  NumericGreaterThanEquals: positive(numeric(greaterOrEqual)),
  DateEquals: positive(date(equal)),
  DateNotEquals: negated(date(equal)),
  DateLessThan: positive(date(less)),
  DateLessThanEquals: positive(date(lessOrEqual)),
  DateGreaterThan: positive(date(greater)),
  DateGreaterThanEquals: positive(date(greaterOrEqual)),
  Bool: positive(bool),
  BinaryEquals: positive(binary),
  IpAddress: positive(ipAddress),
  NotIpAddress: negated(ipAddress),
  ArnEquals: positive(arn),
  ArnLike: positive(arn),
  ArnNotEquals: negated(arn),
  ArnNotLike: negated(arn),
};

/** The condition operators policies may use, without prefixes and `IfExists`. */
export const CONDITION_OPERATORS: readonly string[] = [...Object.keys(OPERATORS), 'Null'];

export type CompiledCondition =
  | Condition
  | { readonly fault: 'operator' }
  | { readonly fault: 'value'; readonly index: number; readonly expected: string };

/** One operator on one key with its values, or what is wrong with it. */
export function compileCondition(
  operator: string,
  key: string,
  wanted: readonly string[],
  variables: boolean,
): CompiledCondition {
  const parts = /^(?:(ForAllValues|ForAnyValue):)?([A-Za-z]+?)(IfExists)?$/.exec(operator);
  const [, prefix, name = '', ifExists] = parts ?? [];
  if (name === 'Null' && ifExists === undefined) return compileNull(operator, key, wanted);
  const known = Object.hasOwn(OPERATORS, name) ? OPERATORS[name] : undefined;
  if (known === undefined) return { fault: 'operator' };
  const tests: Test[] = [];
  for (const [index, value] of wanted.entries()) {
    const test = known.compile(value, variables);
    if (typeof test === 'string') return { fault: 'value', index, expected: test };
    tests.push(test);
  }
  const lower = key.toLowerCase();
  const set = prefix as SetPrefix;
  return {
    operator,
    key,
    wanted,
    holds(values) {
      const found = values.get(lower);
      if (found === undefined || found.length === 0) {
        if (ifExists !== undefined || set === 'ForAllValues') return true;
        return known.negated && set === undefined;
      }
      const single = variableValues(values);
      const matches = (value: string) => tests.some((test) => test(value, single)) !== known.negated;
      if (set === 'ForAllValues') return found.every(matches);
      if (set === 'ForAnyValue') return found.some(matches);
      return known.negated ? found.every(matches) : found.some(matches);
    },
  };
}

function compileNull(operator: string, key: string, wanted: readonly string[]): CompiledCondition {
  const absent = wanted.map((value) => value.toLowerCase());
  const wrong = absent.findIndex((value) => value !== 'true' && value !== 'false');
  if (wrong !== -1) return { fault: 'value', index: wrong, expected: '`true` or `false`' };
  const lower = key.toLowerCase();
  return {
    operator,
    key,
    wanted,
    holds: (values) => absent.includes(String((values.get(lower)?.length ?? 0) === 0)),
  };
}
