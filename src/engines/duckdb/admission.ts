/**
 * Who runs next: two lanes, and in each the waiting keys (workgroups, principals) in turn, so that neither long
 * statements nor one busy caller starve the rest.
 *
 * Invariants
 * - `short` statements (little input) have slots of their own, which long ones never take.
 * - The queue is bounded over both lanes; beyond the bound a statement is refused at once.
 */
import { LochError } from '../../core/errors.ts';

export type Lane = 'short' | 'long';

interface Ticket<Place> {
  readonly lane: Lane;
  readonly key: string;
  readonly admit: (place: Place) => void;
}

/** Lets statements in by turn: short ones are not held up by long ones, and the queue is bounded. */
export class AdmissionQueue<Place> {
  readonly #limit: number;
  readonly #lanes: Record<Lane, Map<string, Ticket<Place>[]>> = { short: new Map(), long: new Map() };
  #length = 0;

  constructor(limit: number) {
    this.#limit = limit;
  }

  get length(): number {
    return this.#length;
  }

  /**
   * Resolves with the place that `next` gave this caller. **Errors**: `throttled` when the queue is full;
   * `statement_cancelled` when the signal is aborted first: it then never starts.
   */
  enter(lane: Lane, key: string, signal: AbortSignal): Promise<Place> {
    if (signal.aborted) return Promise.reject(cancelled());
    if (this.#length >= this.#limit) {
      return Promise.reject(
        new LochError('throttled', `${this.#length} statements are waiting, which is the limit. Try again later.`, {
          context: { queued: this.#length, limit: this.#limit, reason: 'CONCURRENT_QUERY_LIMIT_EXCEEDED' },
        }),
      );
    }
    return new Promise((resolve, reject) => {
      const onAbort = () => {
        this.#remove(ticket);
        reject(cancelled());
      };
      const ticket: Ticket<Place> = {
        lane,
        key,
        admit: (place) => {
          signal.removeEventListener('abort', onAbort);
          resolve(place);
        },
      };
      signal.addEventListener('abort', onAbort, { once: true });
      const lanes = this.#lanes[lane];
      lanes.set(key, [...(lanes.get(key) ?? []), ticket]);
      this.#length++;
    });
  }

  /** Gives `place` to the first waiter of the lane's first key, and moves that key to the end. Somebody must wait. */
  next(lane: Lane, place: Place): void {
    const lanes = this.#lanes[lane];
    for (const [key, tickets] of lanes) {
      const ticket = tickets.shift()!;
      lanes.delete(key);
      if (tickets.length > 0) lanes.set(key, tickets);
      this.#length--;
      ticket.admit(place);
      return;
    }
  }

  waiting(lane: Lane): boolean {
    return this.#lanes[lane].size > 0;
  }

  #remove(ticket: Ticket<Place>): void {
    const lanes = this.#lanes[ticket.lane];
    const rest = (lanes.get(ticket.key) ?? []).filter((t) => t !== ticket);
    if (rest.length > 0) lanes.set(ticket.key, rest);
    else lanes.delete(ticket.key);
    this.#length--;
  }
}

const cancelled = () => new LochError('statement_cancelled', 'The statement was cancelled before it started.');
