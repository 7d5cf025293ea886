/**
 * One delivery stream at work: its log, what waits in it, and its delivery to the object store.
 *
 * Invariants
 * - Records are delivered in order, each in exactly one object. Before an object is written, the plan that says which
 *   records it holds and under which key is durable; a restart repeats the plan and so writes the same object again.
 * - An object is only created, never overwritten. If it is there already with the same range, it is the delivery whose
 *   answer was lost.
 * - A delivery that fails is tried again for ever; meanwhile what waits is bounded by refusing new records.
 */
import type { Clock } from '../../core/clock.ts';
import { LochError, toLochError } from '../../core/errors.ts';
import type { Lifecycle } from '../../core/lifecycle.ts';
import type { MetadataStore } from '../../metadata/contract.ts';
import type { ObjectStore } from '../../storage/contract.ts';
import type { DeliveryStreamRecord, DeliveryStreamSettings } from '../contract.ts';
import { AppendLog, type Appended, type LogCursor } from '../streams/log.ts';
import { folderOf, objectKey } from './object-name.ts';
import store, { type DeliveryPlan, type StoredStream } from './store.ts';
import { writeObject } from './write-object.ts';

export interface DeliveryStreamDeps {
  readonly store: MetadataStore;
  readonly objects: ObjectStore;
  readonly clock: Clock;
  /** Tells the audit trail of a written object, before the position moves past it. */
  readonly recordDelivery: (
    stream: StoredStream,
    delivered: { key: string; records: number; bytes: number },
  ) => Promise<void>;
  /** Acknowledged bytes that may wait for delivery; more is refused. */
  readonly maxBacklogBytes: number;
}

/** Neighbouring records that go into one object. */
interface Unit {
  readonly first: number;
  until: number;
  bytes: number;
  readonly arrivedAt: number;
  readonly start: LogCursor;
  /** The durable plan, once there is one. */
  plan?: DeliveryPlan;
}

interface FlushWaiter {
  readonly until: number;
  resolve(): void;
  reject(error: unknown): void;
}

const MIB = 1 << 20;
const FIRST_RETRY_MS = 500;
const LAST_RETRY_MS = 60_000;

/** One stream at work. Made by `openDeliveryStream`. */
export class DeliveryStream implements Lifecycle {
  readonly stored: StoredStream;
  readonly settings: DeliveryStreamSettings;
  readonly #deps: DeliveryStreamDeps;
  readonly #log: AppendLog;
  readonly #closing = new AbortController();
  readonly #waiters = new Set<FlushWaiter>();
  /** Units that are to be delivered as soon as possible, oldest first. */
  #ready: Unit[] = [];
  /** The unit that still takes records. */
  #open: Unit | undefined;
  #delivered: number;
  #backlogBytes = 0;
  #timer: NodeJS.Timeout | undefined;
  #delivering: Promise<void> | undefined;
  #failure: LochError | undefined;

  constructor(stored: StoredStream, log: AppendLog, deps: DeliveryStreamDeps) {
    this.stored = stored;
    this.settings = JSON.parse(stored.settings) as DeliveryStreamSettings;
    this.#log = log;
    this.#deps = deps;
    this.#delivered = stored.position.delivered;
  }

  get record(): DeliveryStreamRecord {
    const { arn, createdAt, version } = this.stored;
    return {
      ...this.settings,
      arn,
      status: 'ACTIVE',
      createdAt,
      versionId: version,
      ...(this.#failure === undefined ? {} : { failure: this.#failure.message }),
    };
  }

  get backlog(): { readonly records: number; readonly bytes: number } {
    const until = this.#open?.until ?? this.#ready.at(-1)?.until ?? this.#delivered;
    return { records: until - this.#delivered, bytes: this.#backlogBytes };
  }

  /** The sequence number of the first record, once all are durable. **Errors**: `resource_exhausted`, `disk_full`. */
  async put(records: readonly Uint8Array[]): Promise<number> {
    if (this.#backlogBytes > this.#deps.maxBacklogBytes) {
      const limit = this.#deps.maxBacklogBytes;
      throw new LochError(
        'resource_exhausted',
        `More than ${limit} bytes of \`${this.settings.name}\` wait for delivery${this.#failure === undefined ? '' : `: ${this.#failure.message}`}. Send again later.`,
        { context: { stream: this.settings.name, limit } },
      );
    }
    const facts = { arrivedAt: this.#deps.clock.now(), newline: this.settings.appendNewline };
    const appended = await this.#log.append(records, facts);
    this.#accept(appended);
    return appended.first;
  }

  /** Resolves when all that is acknowledged now is delivered; rejects when a delivery fails (it is tried again). */
  async flush(): Promise<void> {
    this.#closing.signal.throwIfAborted();
    this.#makeReady();
    const last = this.#ready.at(-1);
    if (last === undefined) return;
    const done = new Promise<void>((resolve, reject) => {
      this.#waiters.add({ until: last.until, resolve, reject });
    });
    this.#deliver();
    await done;
  }

  /** Takes up what an earlier process left: the planned object first, then what waits. */
  async resume(): Promise<void> {
    const { delivered, planned } = this.stored.position;
    for await (const { head, start } of this.#log.read()) {
      const until = head.first + head.records;
      if (until <= delivered) continue;
      this.#accept({ first: head.first, until, payloadBytes: head.payloadBytes, arrivedAt: head.arrivedAt, start });
      if (planned !== undefined && until === planned.until) {
        this.#makeReady();
        this.#ready.at(-1)!.plan = planned;
      }
    }
    if (planned !== undefined && this.#open !== undefined && this.#open.first < planned.until) {
      // The log came back from a backup without its end: what is left of the plan goes under its name.
      const { until } = this.#open;
      this.#makeReady();
      this.#ready.at(-1)!.plan = { ...planned, until };
    }
    if (this.#ready.length > 0) this.#deliver();
  }

  async close(): Promise<void> {
    this.#closing.abort(
      new LochError('unavailable', 'Loch is stopping. What is acknowledged is delivered at its next start.'),
    );
    clearTimeout(this.#timer);
    await this.#delivering;
    for (const waiter of this.#waiters) waiter.reject(this.#closing.signal.reason);
    this.#waiters.clear();
    await this.#log.close();
  }

  #accept(appended: Appended): void {
    this.#backlogBytes += appended.payloadBytes;
    if (this.#open === undefined) {
      const { first, until, arrivedAt, start } = appended;
      this.#open = { first, until, bytes: appended.payloadBytes, arrivedAt, start };
      this.#armTimer(arrivedAt);
    } else {
      this.#open.until = appended.until;
      this.#open.bytes += appended.payloadBytes;
    }
    // A plan of an earlier process may hold less than a full buffer: its end decides, not the size.
    const planned = this.stored.position.planned;
    if (planned !== undefined && this.#open.first < planned.until && this.#delivered < planned.until) return;
    if (this.#open.bytes >= this.settings.bufferMiB * MIB || (this.settings.bufferSeconds === 0 && !this.#delivering)) {
      this.#makeReady();
      this.#deliver();
    }
  }

  #armTimer(arrivedAt: number): void {
    clearTimeout(this.#timer);
    const due = arrivedAt + this.settings.bufferSeconds * 1000;
    this.#timer = setTimeout(
      () => {
        this.#makeReady();
        this.#deliver();
      },
      Math.max(0, due - this.#deps.clock.now()),
    );
    this.#timer.unref();
  }

  #makeReady(): void {
    if (this.#open === undefined) return;
    clearTimeout(this.#timer);
    this.#ready.push(this.#open);
    this.#open = undefined;
  }

  #deliver(): void {
    if (this.#closing.signal.aborted) return;
    this.#delivering ??= this.#deliverAll().finally(() => {
      this.#delivering = undefined;
    });
  }

  async #deliverAll(): Promise<void> {
    let retryMs = FIRST_RETRY_MS;
    while (!this.#closing.signal.aborted) {
      if (this.settings.bufferSeconds === 0) this.#makeReady();
      const unit = this.#ready[0];
      if (unit === undefined) return;
      try {
        await this.#deliverUnit(unit);
        this.#failure = undefined;
        retryMs = FIRST_RETRY_MS;
      } catch (error) {
        if (this.#closing.signal.aborted) return;
        this.#failure = toLochError(error);
        for (const waiter of this.#waiters) waiter.reject(this.#failure);
        this.#waiters.clear();
        await this.#pause(retryMs);
        retryMs = Math.min(LAST_RETRY_MS, retryMs * 2);
      }
    }
  }

  async #deliverUnit(unit: Unit): Promise<void> {
    const { store: metadata, objects, recordDelivery } = this.#deps;
    const { id } = this.stored;
    const { bucket, name } = this.settings;
    if (unit.plan === undefined) {
      const plan = this.#planOf(unit);
      await metadata.write(store.procedures.plan, { id, plan });
      unit.plan = plan;
    }
    const { key } = unit.plan;
    const range = { first: unit.first, until: unit.until, bytes: unit.bytes };
    await writeObject({
      objects,
      log: this.#log,
      settings: this.settings,
      key,
      streamId: id,
      start: unit.start,
      range,
      signal: this.#closing.signal,
    });
    const records = unit.until - unit.first;
    await recordDelivery(this.stored, { key, records, bytes: unit.bytes });
    const following = this.#ready[1];
    const next = following === undefined ? null : this.#planOf(following);
    const flushed = { stream: name, bucket, key, records, bytes: unit.bytes, folder: folderOf(this.settings.prefix) };
    await metadata.write(store.procedures.delivered, { id, until: unit.until, next, flushed }); // the commit point
    if (following !== undefined && next !== null) following.plan = next;
    this.#passed(unit);
    await this.#log.trim(unit.until);
  }

  #planOf(unit: Unit): DeliveryPlan {
    return {
      until: unit.until,
      key: objectKey({ ...this.stored, settings: this.settings }, unit.first, unit.arrivedAt),
    };
  }

  #passed(unit: Unit): void {
    this.#ready.shift();
    this.#delivered = unit.until;
    this.#backlogBytes -= unit.bytes;
    for (const waiter of this.#waiters) {
      if (waiter.until > unit.until) continue;
      this.#waiters.delete(waiter);
      waiter.resolve();
    }
  }

  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.#closing.signal.addEventListener('abort', () => {
        clearTimeout(timer);
        resolve();
      });
    });
  }
}

/** The stream over its log in `directory`, with what an earlier process left taken up. */
export async function openDeliveryStream(
  stored: StoredStream,
  directory: string,
  deps: DeliveryStreamDeps,
): Promise<DeliveryStream> {
  const { delivered, planned } = stored.position;
  const log = await AppendLog.open({ directory, startAt: Math.max(delivered, planned?.until ?? 0) });
  const stream = new DeliveryStream(stored, log, deps);
  await stream.resume();
  return stream;
}
