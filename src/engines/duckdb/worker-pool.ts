/**
 * A capped set of engine processes. Each has slots for long and short statements; a process is replaced when it has
 * served its share, has grown beyond its ceiling, or has died.
 */
import { LochError } from '../../core/errors.ts';
import { AdmissionQueue, type Lane } from './admission.ts';
import { WorkerProcess, type WorkerLimits } from './worker-process.ts';

export interface PoolOptions extends WorkerLimits {
  readonly workers: number;
  readonly queueLimit: number;
  /** Beyond it a process takes no new statement and ends when it is idle. */
  readonly recycleRssBytes: number;
  readonly recycleAfter: number;
}

interface Member {
  readonly process: WorkerProcess;
  readonly used: Record<Lane, number>;
  /** Its successor is starting: it serves until that is ready. */
  retiring: boolean;
  draining: boolean;
}

const SLOTS: Readonly<Record<Lane, number>> = { long: 1, short: 1 };

/** A place in a process; give it back exactly once. */
export interface Slot {
  readonly process: WorkerProcess;
  /** Turns a short place into a long one of the same process, if there is one. */
  promote(): boolean;
  release(): void;
}

/** The engine processes: started when there is work, replaced when they are spent or die. */
export class WorkerPool {
  readonly #options: PoolOptions;
  readonly #queue: AdmissionQueue<Slot>;
  readonly #members = new Set<Member>();
  #closed = false;
  #lastParser = 0;

  constructor(options: PoolOptions) {
    this.#options = options;
    this.#queue = new AdmissionQueue(options.queueLimit);
  }

  /** Waits in the fair queue for a slot of `lane`. **Errors**: `throttled`, `statement_cancelled`, `unavailable`. */
  async acquire(lane: Lane, key: string, signal: AbortSignal): Promise<Slot> {
    if (this.#closed) throw closed();
    if (!this.#queue.waiting(lane)) {
      const slot = this.#take(lane);
      if (slot !== undefined) return slot;
    }
    return this.#queue.enter(lane, key, signal);
  }

  /** A live process for work that takes no slot (syntax). */
  async any(): Promise<WorkerProcess> {
    if (this.#closed) throw closed();
    const live = [...this.#members].filter((m) => m.process.alive && !m.draining);
    if (live.length === 0) live.push(this.#spawn());
    const member = live[this.#lastParser++ % live.length]!;
    await member.process.ready;
    return member.process;
  }

  /** Whether short statements wait for a place. */
  shortWaiting(): boolean {
    return this.#queue.waiting('short');
  }

  figures() {
    const members = [...this.#members];
    return {
      workers: members.length,
      busy: members.reduce((sum, m) => sum + m.used.long + m.used.short, 0),
      queued: this.#queue.length,
      rssBytes: members.reduce((sum, m) => sum + m.process.rssBytes, 0),
    };
  }

  async close(): Promise<void> {
    this.#closed = true;
    await Promise.all([...this.#members].map((m) => m.process.close()));
  }

  #spawn(): Member {
    const member: Member = {
      process: new WorkerProcess(this.#options),
      used: { long: 0, short: 0 },
      retiring: false,
      draining: false,
    };
    this.#members.add(member);
    void member.process.exited.then(() => {
      this.#members.delete(member);
      if (this.#closed) return;
      // Refill at once so that the next statement finds a warm process; a failing start is not repeated in a loop.
      if (this.#members.size === 0 && member.process.served > 0) this.#spawn();
      this.#pump();
    });
    return member;
  }

  /** The free place with the least to do; a new process when all are taken and the cap allows one. */
  #take(lane: Lane): Slot | undefined {
    const load = (m: Member) => m.used.long + m.used.short;
    const usable = [...this.#members].filter((m) => m.process.alive && !m.draining && m.used[lane] < SLOTS[lane]);
    usable.sort((a, b) => load(a) - load(b));
    const best = usable[0];
    const staying = [...this.#members].filter((m) => m.process.alive && !m.retiring).length;
    if (best !== undefined && (load(best) === 0 || staying >= this.#options.workers)) return this.#occupy(best, lane);
    if (staying < this.#options.workers) return this.#occupy(this.#spawn(), lane);
    return undefined;
  }

  #occupy(member: Member, lane: Lane): Slot {
    member.used[lane]++;
    member.process.served++;
    let held: Lane | undefined = lane;
    return {
      process: member.process,
      promote: () => {
        if (held !== 'short' || member.used.long >= SLOTS.long) return false;
        member.used.short--;
        member.used.long++;
        held = 'long';
        this.#pump();
        return true;
      },
      release: () => {
        if (held === undefined) return;
        member.used[held]--;
        held = undefined;
        this.#recycle(member);
        this.#pump();
      },
    };
  }

  /** Retires a process that has served its share or has grown: its successor starts first, so nobody waits for it. */
  #recycle(member: Member): void {
    const { recycleAfter, recycleRssBytes } = this.#options;
    const spent = member.process.served >= recycleAfter || member.process.rssBytes > recycleRssBytes;
    if (spent && !member.retiring && !this.#closed) {
      member.retiring = true;
      const retire = () => {
        member.draining = true;
        this.#recycle(member);
        this.#pump();
      };
      this.#spawn().process.ready.then(retire, retire);
    }
    if (member.draining && member.process.pending === 0) void member.process.close();
  }

  #pump(): void {
    if (this.#closed) return;
    for (const lane of ['short', 'long'] as const) {
      while (this.#queue.waiting(lane)) {
        const slot = this.#take(lane);
        if (slot === undefined) break;
        this.#queue.next(lane, slot);
      }
    }
  }
}

const closed = () => new LochError('unavailable', 'The engine is closed. Start Loch again.');
