/**
 * Filters as trees of predicates that prune, bound to a schema and projected onto a partition spec.
 *
 * Invariant
 * - What cannot be judged holds: an unknown leaf is `true`, so that pruning never changes a result.
 */
import type { IcebergSchema, ScanFilter, ScanRequest } from './contract-types.ts';
import type { PartitionTuple } from './partition-tuple.ts';
import { type BoundPredicate, bindPredicates, projectPredicate } from './predicates.ts';

export type BoundFilter =
  | { readonly op: 'and' | 'or'; readonly terms: readonly BoundFilter[] }
  | { readonly op: 'true' | 'false' }
  | { readonly op: 'leaf'; readonly predicate: BoundPredicate };

/** What each leaf says of the fields of a partition tuple. */
export type Projection = ReadonlyMap<
  BoundPredicate,
  readonly { readonly index: number; readonly predicate: Pick<BoundPredicate, 'op' | 'literals'> }[]
>;

/** The whole filter of a request: its predicates and its tree. */
export function bindFilter(schema: IcebergSchema, request: ScanRequest): BoundFilter {
  const terms = [...(request.predicates ?? []), ...(request.filter === undefined ? [] : [request.filter])];
  return { op: 'and', terms: terms.map((term) => bind(schema, term)) };
}

function bind(schema: IcebergSchema, filter: ScanFilter): BoundFilter {
  if ('terms' in filter) return { op: filter.op, terms: filter.terms.map((term) => bind(schema, term)) };
  if (filter.op === 'true' || filter.op === 'false') return { op: filter.op };
  const [predicate] = bindPredicates(schema, [filter as Extract<ScanFilter, { column: string }>]);
  return predicate === undefined ? { op: 'true' } : { op: 'leaf', predicate };
}

/** Whether rows may satisfy the filter, by what `leaf` answers for each predicate. */
export function mayHold(filter: BoundFilter, leaf: (predicate: BoundPredicate) => boolean): boolean {
  switch (filter.op) {
    case 'and':
      return filter.terms.every((term) => mayHold(term, leaf));
    case 'or':
      return filter.terms.some((term) => mayHold(term, leaf));
    case 'leaf':
      return leaf(filter.predicate);
    default:
      return filter.op === 'true';
  }
}

/** The leaves of a filter as predicates on the fields of `tuple`. */
export function projectFilter(filter: BoundFilter, tuple: PartitionTuple): Projection {
  const projected = new Map<BoundPredicate, { index: number; predicate: Pick<BoundPredicate, 'op' | 'literals'> }[]>();
  const walk = (node: BoundFilter): void => {
    if ('terms' in node) node.terms.forEach(walk);
    if (node.op !== 'leaf') return;
    projected.set(
      node.predicate,
      tuple.fields.flatMap((field, index) => {
        const predicate = projectPredicate(node.predicate, field);
        return predicate === undefined ? [] : [{ index, predicate }];
      }),
    );
  };
  walk(filter);
  return projected;
}
