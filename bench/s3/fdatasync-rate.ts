import { closeSync, fdatasyncSync, openSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';

/** Single-thread fdatasync calls per second on the disk of `folder`, each after appending 4 KiB. */
export function fdatasyncRate(folder: string, seconds = 1.5): number {
  const path = join(folder, 'fdatasync-rate');
  const file = openSync(path, 'w');
  const block = Buffer.alloc(4096, 1);
  const began = performance.now();
  let count = 0;
  while (performance.now() - began < seconds * 1000) {
    writeSync(file, block, 0, block.length, count * block.length);
    fdatasyncSync(file);
    count++;
  }
  const elapsed = (performance.now() - began) / 1000;
  closeSync(file);
  rmSync(path);
  return count / elapsed;
}
