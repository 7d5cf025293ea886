/** Values by key, in the order of the keys' UTF-8 bytes. **Cost**: insertion moves the keys behind it. */
export class SortedKeys<V> {
  readonly #keys: Buffer[] = [];
  readonly #values = new Map<string, V>();

  get size(): number {
    return this.#keys.length;
  }

  get(key: string): V | undefined {
    return this.#values.get(key);
  }

  set(key: string, value: V): void {
    if (!this.#values.has(key)) {
      const bytes = Buffer.from(key);
      this.#keys.splice(this.#position(bytes, true), 0, bytes);
    }
    this.#values.set(key, value);
  }

  delete(key: string): void {
    if (this.#values.delete(key)) this.#keys.splice(this.#position(Buffer.from(key), true), 1);
  }

  /** Keys from `start` on, itself included unless `beyond`. */
  *from(start: Buffer, beyond: boolean): Generator<Buffer> {
    for (let i = this.#position(start, !beyond); i < this.#keys.length; i++) yield this.#keys[i]!;
  }

  /** Index of the first key that is not below `bytes`, or above it when `inclusive` is false. */
  #position(bytes: Buffer, inclusive: boolean): number {
    let low = 0;
    let high = this.#keys.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      const order = Buffer.compare(this.#keys[middle]!, bytes);
      if (order < 0 || (order === 0 && !inclusive)) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
