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

/**
 * One end of a flow. `dataset` is a thing of another system, by its OpenLineage namespace and name. `query` is a statement
 * that somebody ran and whose rows left the lake: `statement` is its text without literals, so that repeats are one.
 */
export type LineageEnd =
  | { readonly kind: 'table'; readonly database: string; readonly table: string }
  | { readonly kind: 'objects'; readonly bucket: string; readonly prefix: string }
  | { readonly kind: 'dataset'; readonly namespace: string; readonly name: string }
  | { readonly kind: 'query'; readonly principal: string; readonly statement: string };

/** A column of an output, and the columns of inputs it is made of. */
export interface ColumnFlow {
  readonly output: string;
  readonly inputs: readonly { readonly end: LineageEnd; readonly column: string }[];
}

/** What one run made. Without `columns` only tables are known. */
export interface LineageFlow {
  /**
   * `job/<name>`, `crawler/<name>`, `delivery/<stream>`, `load`, `query` (a SELECT), `statement` (one that writes a table),
   * `view/<database>.<name>`, or `<namespace>/<name>` of another system.
   */
  readonly job: string;
  readonly runId: string;
  readonly inputs: readonly LineageEnd[];
  readonly outputs: readonly LineageEnd[];
  readonly columns?: readonly ColumnFlow[];
  /** Columns of inputs that were read, also those that only decide which rows there are. Told with `columns` alone. */
  readonly reads?: readonly { readonly end: LineageEnd; readonly column: string }[];
}

export interface LineageNode {
  /** The same for the same thing in one graph. */
  readonly id: string;
  readonly kind: LineageEnd['kind'] | 'restricted';
  /** `database.table`, `s3://bucket/prefix`, `namespace/name`, who asked a query; empty when restricted. */
  readonly name: string;
  /** Of a query: its text without literals. */
  readonly statement?: string;
  /** Steps from where the walk began; negative upstream. */
  readonly distance: number;
}

export interface LineageEdge {
  readonly from: string;
  readonly to: string;
  readonly job: string;
  readonly runId: string;
  readonly at: number;
  /** When these ends were joined by this job for the first time. */
  readonly firstAt: number;
  /** False: only tables are known, not columns: the edge is partial. */
  readonly columnLevel: boolean;
  readonly columns: readonly { readonly from: string; readonly to: string }[];
}

export interface LineageGraph {
  readonly nodes: readonly LineageNode[];
  readonly edges: readonly LineageEdge[];
  /** True when there is more than was walked. */
  readonly more: boolean;
}

/** Something that stands to suffer from a change of a table or column. */
export interface Impact {
  readonly kind: LineageNode['kind'];
  readonly name: string;
  readonly statement?: string;
  readonly distance: number;
  /** The columns of it that are made of what changes; empty where only tables are known. */
  readonly columns: readonly string[];
  /** False: lineage on the way knows tables alone, so it may not be touched. */
  readonly certain: boolean;
  /** Newest run that read it. */
  readonly lastAt: number;
}

/** For services that write: no policy, they acted in a caller's name already. */
export interface LineageRecorder {
  record(flow: LineageFlow): Promise<void>;
}

export interface Lineage extends LineageRecorder {
  /** Resolves when what statements committed until now is in the graph; without it that takes a moment. */
  settled(): Promise<void>;
  /** Takes an OpenLineage run event. **Errors**: `invalid_argument` naming the member; `access_denied`. */
  ingest(context: RequestContext, event: unknown): Promise<void>;
  /** What leads to a table and what comes of it. **Errors**: `table_not_found`; `invalid_argument`. */
  graph(
    context: RequestContext,
    table: TableName,
    options?: {
      readonly direction?: 'upstream' | 'downstream' | 'both';
      readonly depth?: number;
      /** The graph as it was then, in milliseconds since 1970. */
      readonly asOf?: number;
    },
  ): Promise<LineageGraph>;
  /**
   * What is made of a table, or of one column of it: whom a change would touch, nearest first. Hidden things are counted as
   * `restricted`, without a name. **Errors**: `table_not_found`; `invalid_argument` for a column it has not.
   */
  impact(
    context: RequestContext,
    table: TableName,
    options?: { readonly column?: string; readonly depth?: number },
  ): Promise<{ readonly consumers: readonly Impact[]; readonly more: boolean }>;
}
