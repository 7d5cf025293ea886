import { defineStoreModule, proceduresOver } from '../../metadata/contract.ts';

export interface LineageRow {
  source: string;
  target: string;
  job: string;
  run_id: string;
  at: number;
  /** JSON: pairs of columns; null where only the ends are known. */
  columns: string | null;
}

interface LineageTables {
  catalog_lineage: LineageRow;
}

const { read, write } = proceduresOver<LineageTables>();
const MOST_EDGES = 2_000;

/** Edges of the lineage graph: the newest run of a job between two ends. */
const lineageStore = defineStoreModule('catalogLineage', {
  migrations: [
    {
      number: 1,
      name: 'lineage',
      statements: [
        `CREATE TABLE IF NOT EXISTS catalog_lineage (
           source TEXT NOT NULL, target TEXT NOT NULL, job TEXT NOT NULL, run_id TEXT NOT NULL, at BIGINT NOT NULL,
           columns TEXT, PRIMARY KEY (source, target, job))`,
        `CREATE INDEX IF NOT EXISTS catalog_lineage_target ON catalog_lineage (target)`,
      ],
    },
  ],
  procedures: {
    addEdges: write(
      async (
        db,
        args: { edges: readonly LineageRow[]; event: { job: string; runId: string; flow: string } },
        context,
      ): Promise<void> => {
        for (const edge of args.edges) {
          const { source: _, target: __, job: ___, ...values } = edge;
          await db
            .insertInto('catalog_lineage')
            .values(edge)
            .onConflict((conflict) => conflict.columns(['source', 'target', 'job']).doUpdateSet(values))
            .execute();
        }
        context.emit({ name: 'catalogLineageRecorded', payload: args.event });
      },
    ),

    /** The edges that touch ends, on the side asked for. */
    edges: read(
      async (
        db,
        args: { ends: readonly string[]; side: 'source' | 'target' },
      ): Promise<{ edges: LineageRow[]; more: boolean }> => {
        if (args.ends.length === 0) return { edges: [], more: false };
        const rows = await db
          .selectFrom('catalog_lineage')
          .selectAll()
          .where(args.side, 'in', args.ends)
          .orderBy('source')
          .orderBy('target')
          .orderBy('job')
          .limit(MOST_EDGES + 1)
          .execute();
        return { edges: rows.slice(0, MOST_EDGES), more: rows.length > MOST_EDGES };
      },
    ),
  },
});

export default lineageStore;
