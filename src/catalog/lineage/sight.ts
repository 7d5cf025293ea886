import { s3Arn } from '../../core/arn.ts';
import type { RequestContext } from '../../core/caller.ts';
import type { CatalogParts } from '../databases/parts.ts';
import databaseStore from '../databases/store.ts';
import type { LineageEnd, LineageNode } from './contract.ts';
import { endOf, nameOf } from './ends.ts';
import lineageStore from './store.ts';

/** What one caller may see of ends and of their columns. Each is asked once. */
export class Sight {
  readonly #parts: CatalogParts;
  readonly #context: RequestContext;
  readonly #visible: Awaited<ReturnType<CatalogParts['policy']['visibleTables']>>;
  readonly #columns = new Map<string, Promise<readonly string[]>>();
  #seesQueries: Promise<boolean> | undefined;

  private constructor(
    parts: CatalogParts,
    context: RequestContext,
    visible: Awaited<ReturnType<CatalogParts['policy']['visibleTables']>>,
  ) {
    this.#parts = parts;
    this.#context = context;
    this.#visible = visible;
  }

  /** The sight of a caller as of now. */
  static async of(parts: CatalogParts, context: RequestContext): Promise<Sight> {
    return new Sight(parts, context, await parts.policy.visibleTables(context));
  }

  async sees(key: string): Promise<boolean> {
    const end = endOf(key);
    switch (end.kind) {
      case 'table':
        return this.#parts.names.tableId(end) !== undefined && this.#visible.table(end);
      case 'dataset':
        return true;
      case 'query':
        return end.principal === this.#context.principal.arn || this.#everyQuery();
      case 'objects': {
        const resource = s3Arn(end.bucket, end.prefix === '' ? '*' : `${end.prefix}/*`);
        return (await this.#parts.policy.decide(this.#context, { action: 's3:GetObject', resource })).allowed;
      }
    }
  }

  /** Queries of others are told to who administers them, as their results are. */
  #everyQuery(): Promise<boolean> {
    const { region, accountId } = this.#parts;
    this.#seesQueries ??= this.#parts.policy
      .decide(this.#context, {
        action: 'athena:UpdateWorkGroup',
        resource: `arn:aws:athena:${region}:${accountId}:workgroup/primary`,
      })
      .then(({ allowed }) => allowed);
    return this.#seesQueries;
  }

  /** Of these columns of an end those that may be shown. */
  async columns(key: string, columns: readonly string[]): Promise<ReadonlySet<string>> {
    const end = endOf(key);
    if (end.kind !== 'table' || columns.length === 0) return new Set(columns);
    const shown = this.#columns.get(key) ?? this.#visibleColumns(end);
    this.#columns.set(key, shown);
    return new Set(await shown);
  }

  async #visibleColumns(end: Extract<LineageEnd, { kind: 'table' }>): Promise<readonly string[]> {
    const record = await this.#parts.store.read(databaseStore.procedures.table, {
      database: end.database,
      name: end.table,
    });
    const all = record === undefined ? [] : [...record.columns, ...record.partitionKeys].map(({ name }) => name);
    return this.#visible.columns(end, all);
  }
}

/** What a node is called, by its key: texts of queries are read in one look-up. */
export async function nodesOf(
  parts: Pick<CatalogParts, 'store'>,
  keys: readonly string[],
): Promise<Map<string, Pick<LineageNode, 'kind' | 'name' | 'statement'>>> {
  const queries = keys.filter((key) => endOf(key).kind === 'query');
  const texts = new Map(
    (await parts.store.read(lineageStore.procedures.statements, { keys: queries })).map(({ key, text }) => [key, text]),
  );
  return new Map(
    keys.map((key) => {
      const end = endOf(key);
      const text = texts.get(key);
      return [key, { kind: end.kind, name: nameOf(end), ...(text === undefined ? {} : { statement: text }) }];
    }),
  );
}
