import { LochError } from '../../core/errors.ts';
import { defineStoreModule, proceduresOver } from '../../metadata/contract.ts';

interface StreamRow {
  name: string;
  id: string;
  arn: string;
  settings: string;
  version: number;
  created_at: number;
  created_by: string;
}

interface PositionRow {
  stream_id: string;
  delivered: string;
  planned_until: string | null;
  planned_key: string | null;
}

interface DeliveryTables {
  delivery_stream: StreamRow;
  delivery_position: PositionRow;
}

/** How far a stream is delivered, and the object that is being written, if one is. Sequence numbers. */
export interface DeliveryPosition {
  /** Everything below is delivered. */
  readonly delivered: number;
  readonly planned?: DeliveryPlan;
}

/** An object that will hold exactly the records below `until` that are not delivered yet. */
export interface DeliveryPlan {
  readonly until: number;
  readonly key: string;
}

export interface StoredStream {
  readonly name: string;
  readonly id: string;
  readonly arn: string;
  /** JSON. */
  readonly settings: string;
  readonly version: number;
  readonly createdAt: number;
  readonly createdBy: string;
  readonly position: DeliveryPosition;
}

const { read, write } = proceduresOver<DeliveryTables>();

/** Delivery streams, how far each is delivered, and what it is about to deliver. */
const deliveryStore = defineStoreModule('ingestionDelivery', {
  migrations: [
    {
      number: 1,
      name: 'delivery streams',
      statements: [
        `CREATE TABLE delivery_stream (name TEXT PRIMARY KEY, id TEXT NOT NULL UNIQUE, arn TEXT NOT NULL,
           settings TEXT NOT NULL, version INTEGER NOT NULL, created_at INTEGER NOT NULL, created_by TEXT NOT NULL)`,
        `CREATE TABLE delivery_position (stream_id TEXT PRIMARY KEY, delivered TEXT NOT NULL, planned_until TEXT,
           planned_key TEXT)`,
      ],
    },
  ],
  procedures: {
    streams: read(async (db): Promise<StoredStream[]> => {
      const rows = await db
        .selectFrom('delivery_stream')
        .innerJoin('delivery_position', 'delivery_position.stream_id', 'delivery_stream.id')
        .selectAll()
        .orderBy('name')
        .execute();
      return rows.map((row) => ({
        name: row.name,
        id: row.id,
        arn: row.arn,
        settings: row.settings,
        version: row.version,
        createdAt: row.created_at,
        createdBy: row.created_by,
        position: {
          delivered: Number(row.delivered),
          ...(row.planned_until === null || row.planned_key === null
            ? {}
            : { planned: { until: Number(row.planned_until), key: row.planned_key } }),
        },
      }));
    }),
    create: write(async (db, stream: Omit<StoredStream, 'position'>): Promise<void> => {
      const known = await db.selectFrom('delivery_stream').select('id').where('name', '=', stream.name).execute();
      if (known.length > 0) {
        throw new LochError('already_exists', `The delivery stream \`${stream.name}\` exists. Choose another name.`, {
          context: { stream: stream.name },
        });
      }
      const { createdAt, createdBy, ...rest } = stream;
      await db
        .insertInto('delivery_stream')
        .values({ ...rest, created_at: createdAt, created_by: createdBy })
        .execute();
      await db
        .insertInto('delivery_position')
        .values({ stream_id: stream.id, delivered: '0', planned_until: null, planned_key: null })
        .execute();
    }),
    remove: write(async (db, args: { id: string }): Promise<void> => {
      await db.deleteFrom('delivery_stream').where('id', '=', args.id).execute();
      await db.deleteFrom('delivery_position').where('stream_id', '=', args.id).execute();
    }),
    plan: write(async (db, args: { id: string; plan: DeliveryPlan }): Promise<void> => {
      await db
        .updateTable('delivery_position')
        .set({ planned_until: String(args.plan.until), planned_key: args.plan.key })
        .where('stream_id', '=', args.id)
        .execute();
    }),
    /** Moves the position past a delivered object and states the next one, if there is one to come. */
    delivered: write(
      async (
        db,
        args: {
          id: string;
          until: number;
          next: DeliveryPlan | null;
          flushed: { stream: string; bucket: string; key: string; records: number; bytes: number };
        },
        context,
      ): Promise<void> => {
        await db
          .updateTable('delivery_position')
          .set({
            delivered: String(args.until),
            planned_until: args.next === null ? null : String(args.next.until),
            planned_key: args.next?.key ?? null,
          })
          .where('stream_id', '=', args.id)
          .execute();
        context.emit({ name: 'ingestionDeliveryFlushed', payload: args.flushed });
      },
    ),
  },
});

export default deliveryStore;
