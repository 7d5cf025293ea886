/**
 * Memory of large bytes given back at once, instead of by the collector.
 *
 * V8 counts the memory behind buffers and answers 30–40 MiB of them with a full mark of the heap: a stream of bodies
 * spent more on that than on its bytes. Who is done with a buffer that nobody else can hold detaches it.
 *
 * Invariants
 * - Freed is only what fills its whole memory, which a slice of the pool that small buffers share never does.
 * - Bytes that came from elsewhere are freed only if their source gave them away: it does not look at them again once a
 *   later chunk has come.
 */
const GIVEN = Symbol('given');
/** Less is not worth the call. */
const LEAST_BYTES = 4096;

/** Marks a chunk of a stream: its memory belongs to whoever takes it, unless it is part of something larger. */
export function giveAway(bytes: Uint8Array): void {
  if (isWhole(bytes)) Object.assign(bytes.buffer, { [GIVEN]: true });
}

/** Whether the source of these bytes, or of what they are a part of, gave them away. */
export const isGiven = (bytes: Uint8Array): boolean => GIVEN in bytes.buffer;

/** Frees the memory of bytes that their maker alone holds. Whoever looks at them later finds nothing in them. */
export function freeOwn(bytes: Uint8Array): void {
  if (isWhole(bytes)) freeMemory(bytes.buffer);
}

/** Frees memory that is known to be one's own or given. */
export function freeMemory(memory: ArrayBufferLike): void {
  if (memory instanceof ArrayBuffer && !memory.detached) memory.transfer(0);
}

const isWhole = (bytes: Uint8Array): boolean =>
  bytes.byteLength === bytes.buffer.byteLength && bytes.byteLength >= LEAST_BYTES;
