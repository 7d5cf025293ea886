/**
 * Lineage: what was made from what, by which job.
 *
 * Call rules
 * - Whoever writes a table records a flow after its commit, with the run's id: the same run recorded twice is one edge.
 * - A graph shows what its caller may see: other tables and places stand in it as `restricted`, without a name, and are not
 *   walked past; columns that are hidden from him are left out.
 */
import type { RequestContext } from '../../core/caller.ts';
import type { TableName } from '../../governance/contract.ts';

/** One end of a flow. `dataset` is a thing of another system, by its OpenLineage namespace and name. */
export type LineageEnd =
  | { readonly kind: 'table'; readonly database: string; readonly table: string }
  | { readonly kind: 'objects'; readonly bucket: string; readonly prefix: string }
  | { readonly kind: 'dataset'; readonly namespace: string; readonly name: string };

/** A column of an output, and the columns of inputs it is made of. */
export interface ColumnFlow {
  readonly output: string;
  readonly inputs: readonly { readonly end: LineageEnd; readonly column: string }[];
}

/** What one run made. Without `columns` only tables are known. */
export interface LineageFlow {
  /** `job/<name>`, `crawler/<name>`, `load`, or `<namespace>/<name>` of another system. */
  readonly job: string;
  readonly runId: string;
  readonly inputs: readonly LineageEnd[];
  readonly outputs: readonly LineageEnd[];
  readonly columns?: readonly ColumnFlow[];
}

export interface LineageNode {
  /** The same for the same thing in one graph. */
  readonly id: string;
  readonly kind: LineageEnd['kind'] | 'restricted';
  /** `database.table`, `s3://bucket/prefix`, `namespace/name`; empty when restricted. */
  readonly name: string;
  /** Steps from where the walk began; negative upstream. */
  readonly distance: number;
}

export interface LineageEdge {
  readonly from: string;
  readonly to: string;
  readonly job: string;
  readonly runId: string;
  readonly at: number;
  /** False: only tables are known, not columns. */
  readonly columnLevel: boolean;
  readonly columns: readonly { readonly from: string; readonly to: string }[];
}

export interface LineageGraph {
  readonly nodes: readonly LineageNode[];
  readonly edges: readonly LineageEdge[];
  /** True when there is more than was walked. */
  readonly more: boolean;
}

/** For services that write: no policy, they acted in a caller's name already. */
export interface LineageRecorder {
  record(flow: LineageFlow): Promise<void>;
}

export interface Lineage extends LineageRecorder {
  /** Takes an OpenLineage run event. **Errors**: `invalid_argument` naming the member; `access_denied`. */
  ingest(context: RequestContext, event: unknown): Promise<void>;
  /** What leads to a table and what comes of it. **Errors**: `table_not_found`; `invalid_argument`. */
  graph(
    context: RequestContext,
    table: TableName,
    options?: { readonly direction?: 'upstream' | 'downstream' | 'both'; readonly depth?: number },
  ): Promise<LineageGraph>;
}
