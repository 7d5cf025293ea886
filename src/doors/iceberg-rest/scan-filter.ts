import { LochError } from '../../core/errors.ts';
import type { ScanFilter } from '../../storage/contract.ts';

const COMPARISONS = { lt: '<', 'lt-eq': '<=', gt: '>', 'gt-eq': '>=', eq: '=' } as const;
const TRUE: ScanFilter = { op: 'true' };
const MAX_DEPTH = 100;
/** What a negation turns a comparison into. */
const OPPOSITES = { lt: 'gt-eq', 'lt-eq': 'gt', gt: 'lt-eq', 'gt-eq': 'lt' } as const;

/**
 * An expression of the REST catalog as a filter that prunes; what cannot be judged by bounds becomes `true`, since the
 * client applies the whole expression to the rows anyway. **Errors**: `invalid_argument` for what is no expression.
 */
export function scanFilterOf(expression: unknown, negated = false, depth = 0): ScanFilter {
  if (depth > MAX_DEPTH) throw invalid(`is nested deeper than ${MAX_DEPTH}`);
  // Some clients write the constants as plain booleans.
  if (typeof expression === 'boolean') return { op: expression !== negated ? 'true' : 'false' };
  if (typeof expression !== 'object' || expression === null) throw invalid('is not an object');
  const { type, ...rest } = expression as Readonly<Record<string, unknown>>;
  switch (type) {
    case 'true':
    case 'false':
      return { op: (type === 'true') !== negated ? 'true' : 'false' };
    case 'and':
    case 'or':
      return {
        op: (type === 'and') !== negated ? 'and' : 'or',
        terms: [scanFilterOf(rest.left, negated, depth + 1), scanFilterOf(rest.right, negated, depth + 1)],
      };
    case 'not':
      return scanFilterOf(rest.child, !negated, depth + 1);
    case 'is-null':
    case 'not-null':
      return onColumn(rest.term, (column) => ({
        column,
        op: (type === 'is-null') !== negated ? 'is_null' : 'not_null',
        values: [],
      }));
    case 'lt':
    case 'lt-eq':
    case 'gt':
    case 'gt-eq':
    case 'eq':
      return comparison(type, rest, negated);
    case 'in':
      if (!Array.isArray(rest.values)) throw invalid('has `in` without `values`');
      return negated
        ? TRUE
        : onColumn(rest.term, (column) => ({ column, op: 'in', values: (rest.values as unknown[]).map(textOf) }));
    case 'starts-with':
      return negated ? TRUE : startsWith(rest);
    // A file whose bounds are one value could be pruned by these; that is seldom, and a kept file changes nothing.
    case 'not-eq':
      return negated ? comparison('eq', rest, false) : TRUE;
    case 'not-in':
    case 'not-starts-with':
    case 'is-nan':
    case 'not-nan':
      return TRUE;
    default:
      throw invalid(`has the type \`${String(type)}\``);
  }
}

function comparison(
  type: keyof typeof COMPARISONS,
  rest: Readonly<Record<string, unknown>>,
  negated: boolean,
): ScanFilter {
  if (rest.value === undefined) throw invalid(`has \`${type}\` without \`value\``);
  if (negated && type === 'eq') return TRUE;
  const op = COMPARISONS[negated ? OPPOSITES[type as keyof typeof OPPOSITES] : type];
  return onColumn(rest.term, (column) => ({ column, op, values: [textOf(rest.value)] }));
}

function startsWith({ term, value }: Readonly<Record<string, unknown>>): ScanFilter {
  if (typeof value !== 'string') throw invalid('has `starts-with` without a text');
  // Every text that starts with it lies at or above it; the upper end is left open.
  return onColumn(term, (column) => ({ column, op: '>=', values: [value] }));
}

/** A term that is a column; a transform of one tells nothing here. */
function onColumn(term: unknown, make: (column: string) => ScanFilter): ScanFilter {
  if (typeof term === 'string' && term !== '') return make(term);
  const { type, term: inner } = (term ?? {}) as { readonly type?: unknown; readonly term?: unknown };
  if (type === 'reference' && typeof inner === 'string') return make(inner);
  if (type === 'transform') return TRUE;
  throw invalid('has a term that is neither a column nor a transform');
}

/** A JSON value as the engine writes it. */
function textOf(value: unknown): string {
  if (typeof value === 'string') return value;
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  if (typeof value === 'object' && value !== null) return JSON.stringify(value); // a number JavaScript cannot hold
  throw invalid('has a value that is neither text, number nor boolean');
}

const invalid = (what: string): LochError => new LochError('invalid_argument', `The filter ${what}.`);
