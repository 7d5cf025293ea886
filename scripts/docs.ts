/** `npm run docs`: writes every page of docs/reference that is made from data. */
import { readFileSync, writeFileSync } from 'node:fs';
import { type Row, renderCoverage } from './coverage-page.ts';
import { renderOperations } from './generate-operations.ts';
import { renderConformance } from './s3-conformance-page.ts';
import { type IcebergRows, renderIceberg } from './iceberg-page.ts';

const at = (path: string) => new URL(`../${path}`, import.meta.url);

const rows = JSON.parse(readFileSync(at('docs/spec/rows.json'), 'utf8')) as Row[];
writeFileSync(at('docs/reference/coverage.md'), renderCoverage(rows));
writeFileSync(at('docs/reference/aws-operations.md'), await renderOperations());
const iceberg = JSON.parse(readFileSync(at('docs/spec/iceberg-rest.json'), 'utf8')) as IcebergRows;
writeFileSync(at('docs/reference/iceberg-rest.md'), renderIceberg(iceberg));
writeFileSync(at('docs/reference/s3-conformance.md'), renderConformance());
