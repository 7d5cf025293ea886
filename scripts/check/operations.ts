import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { renderOperations } from '../generate-operations.ts';
import { type Failure, root } from './source-files.ts';

/** The page of operations is what the doors' tables say. */
export async function checkOperations(): Promise<Failure[]> {
  const file = 'docs/reference/aws-operations.md';
  const page = join(root, file);
  const wanted = await renderOperations();
  if (existsSync(page) && readFileSync(page, 'utf8') === wanted) return [];
  return [{ file, rule: 'is not what the tables of src/doors/aws say', mend: 'run `npm run docs`' }];
}
